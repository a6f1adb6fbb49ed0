"""The terminal that a command was started from, which may go away before the command ends."""

import os
import signal
import stat
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

STDOUT, STDERR = 1, 2


class Terminal:
    """While this is open, a closed terminal or a lost connection (SIGHUP) ends nothing.

    What would be printed goes to a log from then on, as soon as `log_to` has named it.
    """

    def __init__(self) -> None:
        #: Whether there is a terminal, asked now: one that has gone answers like a file.
        self.was_there = os.isatty(STDERR)
        self._loses_stdout = os.isatty(STDOUT)
        self._lost_fds = [STDOUT] if self._loses_stdout else []
        if not _is_file(STDERR):
            self._lost_fds.append(STDERR)
        self._log: Path | None = None
        self._is_gone = False
        self._before: Any = None

    @property
    def is_gone(self) -> bool:
        """Whether nobody sees any more what is printed."""
        return self._is_gone

    @property
    def has_left(self) -> bool:
        """Whether there was a terminal, and is none any more."""
        return self._is_gone and self.was_there

    @property
    def took_stdout(self) -> bool:
        """Whether answers for standard output would be lost."""
        return self._is_gone and self._loses_stdout

    def log_to(self, path: Path) -> None:
        """Say where words go when nobody is there to read them."""
        self._log = path
        if self._is_gone:
            self._turn_to_log(path)

    def leave(self) -> None:
        """The terminal is gone, as a signal or a failed write has told."""
        if self._is_gone:
            return
        self._is_gone = True
        if self._log is not None:
            self._turn_to_log(self._log)

    def _turn_to_log(self, path: Path) -> None:
        fd = _open_log(path)
        if self._lost_fds:
            at = time.strftime("%Y-%m-%d %H:%M:%S")
            with suppress(OSError):
                os.write(
                    fd, f"{at} The terminal is gone; process {os.getpid()} goes on.\n".encode()
                )
        for lost in self._lost_fds:
            os.dup2(fd, lost)
        os.close(fd)

    def _hang_up(self, _number: int, _frame: FrameType | None) -> None:
        self.leave()

    def __enter__(self) -> Self:
        # Under nohup a closed terminal is none of our business.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            self._before = signal.signal(signal.SIGHUP, self._hang_up)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGHUP, self._before)


def open_private(path: Path) -> int:
    """Open a log to append to, which nobody but its owner reads; the file descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _open_log(path: Path) -> int:
    try:
        return open_private(path)
    except OSError:
        # A full disk is no reason to stop what can go on.
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def _is_file(fd: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False
