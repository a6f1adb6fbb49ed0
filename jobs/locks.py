"""Locks that the operating system takes back when their holder dies, however it dies."""

import fcntl
import os
import threading
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

    def acquire(self, within_s: float | None = None) -> bool:
        """Wait until the lock is ours, for so many seconds at most; say whether it is."""
        if within_s is None:
            self._open_and_lock(fcntl.LOCK_EX)
            return True
        return self.try_acquire() or (within_s > 0 and self._queue_up(within_s))

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

    def _queue_up(self, within_s: float) -> bool:
        # The system call knows no time limit, and asking again and again would lose the place in
        # the queue: somebody else waits, and gives the lock back if we have left by then.
        other = FileLock(self.path)
        has_come, has_left = threading.Event(), threading.Lock()

        def wait() -> None:
            other.acquire()
            has_come.set()
            # Free while somebody is there to take the lock over.
            if not has_left.acquire(blocking=False):
                other.release()

        threading.Thread(target=wait, name="lock", daemon=True).start()
        if not has_come.wait(within_s) and has_left.acquire(blocking=False):
            return False
        has_come.wait()
        self._fd, other._fd = other._fd, None
        return True

    def _open_and_lock(self, how: int) -> None:
        if self._fd is not None:
            raise RuntimeError(f"expected {self.path.name} not to be locked twice by one object")
        # No link: a lock may lie where others could put one.
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
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
