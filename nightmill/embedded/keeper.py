"""A small process that runs the broker's server and never lets it outlive its parent.

A server cannot watch a lifeline; its keeper can. Should the keeper itself be killed, the kernel
ends the server on Linux; elsewhere the next keeper finds it by its pid file.
"""

import argparse
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import psutil

from nightmill.embedded.servers import Kind, server_command

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run the server until it ends, the lifeline is cut or SIGTERM comes."""
    options = parse_options()
    pid_file = options.folder / "server.pid"
    signal.signal(signal.SIGTERM, _end)
    end_leftover(pid_file)
    alive_fd, inherited_fd = os.pipe()
    server = start_server(
        server_command(options.kind, options.socket), options.folder, inherited_fd
    )
    os.close(inherited_fd)
    try:
        note(pid_file, server.pid)
        # The pipe that only the server holds open tells of its end as the lifeline does of ours.
        select.select([alive_fd, options.lifeline_fd], [], [])
    finally:
        server.kill()
        server.wait()
        pid_file.unlink(missing_ok=True)
    return 1


def parse_options() -> argparse.Namespace:
    """What the parent said on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=get_args(Kind), required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--lifeline-fd", type=int, required=True)
    return parser.parse_args()


def end_leftover(pid_file: Path) -> None:
    """End the server of a keeper that was killed, if it is still the process that was noted."""
    if not pid_file.exists():
        return
    pid, _, started = pid_file.read_text("utf-8", "replace").partition(" ")
    # A power cut may have left anything in the file; a process of somebody else's is not ours.
    with contextlib.suppress(ValueError, psutil.Error):
        process = psutil.Process(int(pid))
        if str(process.create_time()) == started:
            process.kill()
    pid_file.unlink()


def start_server(command: list[str], folder: Path, inherited_fd: int) -> subprocess.Popen[bytes]:
    """Start the server where it works; it holds `inherited_fd` open for as long as it lives."""
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        pass_fds=(inherited_fd,),
        preexec_fn=_die_with_parent(),  # noqa: PLW1509  (the keeper has one thread)
    )


def note(pid_file: Path, pid: int) -> None:
    """Write down which process the server is; the time of its start tells it from a later one."""
    pid_file.write_text(f"{pid} {psutil.Process(pid).create_time()}")


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
