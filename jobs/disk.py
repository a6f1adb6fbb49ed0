"""Getting what was written onto the disk, so that not even a power cut takes it back."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import StoreError


def sync(fd: int) -> None:
    """Wait until the disk has what was written to an open file."""
    # A plain fsync on macOS does not reach the disk; where a share knows no better it has to do.
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        try:
            fcntl.fcntl(fd, full)
        except OSError:
            os.fsync(fd)
    else:
        os.fsync(fd)


def sync_path(path: Path) -> None:
    """Wait until the disk has a file as it is, or which files a folder has."""
    fd = os.open(path, os.O_RDONLY)
    try:
        sync(fd)
    finally:
        os.close(fd)


def free_bytes(folder: Path, what: str) -> int:
    """Bytes that are free on the disk of a folder, which messages call `what`.

    Raises `StoreError` where it does not say.
    """
    with asked(what):
        return shutil.disk_usage(folder).free


@contextmanager
def asked(what: str) -> Iterator[None]:
    """Raises `StoreError` where the disk of `what` does not say in the block how full it is."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The disk of {what} does not say how full it is: {error.strerror}. See that it is"
            " there and that you may read it."
        ) from error
