"""`nightmill tunnel up`, which on SIGUSR1 also writes down how many tasks its loop has.

python -m tests.soak.tunnel_process FILE ARGS…
"""

import asyncio
import signal
import sys
from pathlib import Path

from nightmill.cli import main


def count_tasks(file: Path) -> None:
    """The handler of a signal runs on the thread of the loop, within it."""
    new = file.with_suffix(".new")
    new.write_text(str(len(asyncio.all_tasks())))
    new.rename(file)


if __name__ == "__main__":
    _, written, *arguments = sys.argv
    signal.signal(signal.SIGUSR1, lambda *_: count_tasks(Path(written)))
    sys.argv = ["nightmill", *arguments]
    sys.exit(main())
