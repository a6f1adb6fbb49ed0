"""A SQLite file that is made beside its place and gets there in one step, when it is complete."""

import os
from pathlib import Path

from jobs.disk import sync_path


def new_path(path: Path) -> Path:
    """Where a file is made that is going to be at `path`."""
    return path.with_name(f".{path.name}.new")


def touch_private(path: Path) -> None:
    """A new empty file for its owner only; what an earlier try left there goes."""
    remove(path)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def remove(path: Path) -> None:
    """Remove a SQLite file and its logs, where they are."""
    for each in (path, *logs_of(path)):
        each.unlink(missing_ok=True)


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
