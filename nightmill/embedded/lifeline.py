"""A pipe that ties children to their parent: when the parent is gone, they read end-of-file.

It works however the parent died, `kill -9` included, and on every Unix alike.
"""

import os
import threading
from collections.abc import Callable

#: Exit status of a process that ended because its parent had.
ORPHANED = 70


class Lifeline:
    """The parent's side. `fd` goes to each child by number (`pass_fds`); the parent only holds on.

    The other end is never written to and never inherited: only its closing says something.
    """

    def __init__(self) -> None:
        self.fd, self._held_fd = os.pipe()

    def cut(self) -> None:
        """Let go: every child that still lives ends at once."""
        os.close(self._held_fd)
        os.close(self.fd)


def end_with_parent(fd: int, end: Callable[[int], None] = os._exit) -> None:
    """End this process as soon as the parent's side of the lifeline is gone.

    Without any clean-up: whatever this process held is returned by whoever finds it missing.
    Raises `OSError` where `fd` is not open.
    """
    os.fstat(fd)
    threading.Thread(target=_wait, args=(fd, end), name="lifeline", daemon=True).start()


def _wait(fd: int, end: Callable[[int], None]) -> None:
    os.read(fd, 1)
    end(ORPHANED)
