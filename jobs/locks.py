"""Locks that the operating system takes back when their holder dies, however it dies."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """An exclusive `flock` on a file of its own; held by one open file, never by two.

    The file stays behind when the lock is free: removing it would let two holders in. What the
    holder wrote into it (`note`) tells others who holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def acquire(self) -> None:
        """Wait until the lock is ours."""
        self._open_and_lock(fcntl.LOCK_EX)

    def try_acquire(self) -> bool:
        """Take the lock if it is free; say whether it is ours now."""
        try:
            self._open_and_lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def note(self, text: str) -> None:
        """Leave a word for those who find the lock taken, such as a process id."""
        if self._fd is None:
            raise RuntimeError("expected the lock to be held before noting who holds it")
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text.encode(), 0)

    def read_note(self) -> str:
        """What the present or last holder noted."""
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open_and_lock(self, how: int) -> None:
        if self._fd is not None:
            raise RuntimeError(f"expected {self.path.name} not to be locked twice by one object")
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, how)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
