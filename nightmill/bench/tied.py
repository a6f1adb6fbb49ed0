"""Run a program that cannot watch a lifeline, and end it when whoever started this is gone."""

import argparse
import os
import subprocess
import sys
from contextlib import suppress

from nightmill.embedded.lifeline import end_with_parent


def main() -> int:
    """Run it to its end, or ours."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lifeline-fd", type=int, required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    process = subprocess.Popen(options.command)

    def end(status: int) -> None:
        process.kill()
        os._exit(status)

    end_with_parent(options.lifeline_fd, end)
    with suppress(KeyboardInterrupt):
        return process.wait()
    return 1


if __name__ == "__main__":
    sys.exit(main())
