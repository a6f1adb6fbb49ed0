"""A child process of ours: in a session of its own, tied to a lifeline, writing to a log."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from jobs.errors import StoppedEarlyError

logger = logging.getLogger(__name__)

MAX_LOG_BYTES = 1_000_000
TAIL_LINES = 8


def python(module: str, *args: str) -> list[str]:
    """The command that runs a module of ours with this very Python.

    `-P` keeps the current folder off the path: it may hold a `worker` or `jobs` of the user's.
    """
    return [sys.executable, "-P", "-m", module, *args]


@dataclass
class Child:
    """A running child. No terminal reaches it: its parent decides when and how it ends."""

    process: subprocess.Popen[bytes]
    log: Path
    #: `time.monotonic()` of its start.
    started: float

    @classmethod
    def start(
        cls, command: Sequence[str], log: Path, fd: int, stdin: int = subprocess.DEVNULL
    ) -> Self:
        """Start `command` with the lifeline `fd` open and both outputs going to `log`.

        Raises `StoppedEarlyError` where that cannot be done now.
        """
        try:
            process = _begin(command, log, fd, stdin)
        except OSError as error:
            raise StoppedEarlyError(
                f"{command[0]} cannot be started with its log {log}: {error.strerror}. Mend that,"
                " then give the same command again."
            ) from error
        return cls(process, log, time.monotonic())

    @property
    def exit_status(self) -> int | None:
        """None while it lives."""
        return self.process.poll()

    def ask_to_end(self) -> None:
        """Send SIGTERM; asking twice means at once."""
        self.process.terminate()

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end; say whether it came."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it and whatever it started in its group; nothing of it is left afterwards."""
        # All of the group may have ended by themselves; macOS then says that it is not permitted.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return tail(self.log)


def _begin(command: Sequence[str], log: Path, fd: int, stdin: int) -> subprocess.Popen[bytes]:
    rotate(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            pass_fds=(fd,),
            # Neither Ctrl-C nor the end of a terminal reaches it.
            start_new_session=True,
        )


def rotate(log: Path) -> None:
    """Put a log that has grown large aside; the one before that is forgotten."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(set_aside(log))


def set_aside(log: Path) -> Path:
    """Where a log is put that has grown large."""
    return log.with_suffix(".log.1")


def remove_logs(log: Path) -> None:
    """Remove a log, and what was put aside of it. One that cannot be removed is told and stays."""
    for path in (log, set_aside(log)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning(
                "The log %s cannot be removed: %s.",
                path,
                error.strerror,
                extra={"action": "log_stays"},
            )


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log; empty where there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 200 * lines))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
