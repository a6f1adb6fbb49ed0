"""A SQLite file that is made beside its place and gets there in one step, when it is complete.

Each is made in a hidden folder of its own, which its maker holds locked: where the lock is free,
the maker is dead, and whoever makes the next file there removes what is left.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jobs.disk import sync_path

_PREFIX = ".nightmill-new-"


@contextmanager
def made_beside(path: Path) -> Iterator[Path]:
    """Where to make a file that is put in its place by the end of the block, or is gone then.

    What makers that were killed left beside it is removed first: there are prompts in it.
    """
    _remove_abandoned(path.parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=path.parent))
    with _opened(folder) as fd:
        try:
            # Shares that lock no folders: there nobody takes it for abandoned, nor finds it so.
            with suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_EX)
            new = folder / path.name
            # At once: one that is empty counts as not locked yet.
            touch_private(new)
            yield new
        finally:
            # Before the lock goes: between the two, others would take it for abandoned.
            shutil.rmtree(folder)


def touch_private(path: Path) -> None:
    """A new empty file for its owner only; what is there goes."""
    for each in (path, *logs_of(path)):
        each.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def put_in_place(new: Path, path: Path) -> None:
    """Let a complete file, which nobody has open, take its place; then it is on the disk."""
    sync_path(new)
    for left in logs_of(path):
        # Of a store that was moved away: SQLite would take them for the new one's.
        left.unlink(missing_ok=True)
    new.rename(path)
    sync_path(path.parent)


def logs_of(path: Path) -> tuple[Path, Path]:
    """What SQLite keeps beside a file while somebody has it open."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _remove_abandoned(folder: Path) -> None:
    for left in folder.glob(f"{_PREFIX}*"):
        # It is in use, or another user's, or another maker was faster.
        with suppress(OSError), _opened(left) as fd:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if any(left.iterdir()):
                shutil.rmtree(left)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield fd
    finally:
        os.close(fd)
