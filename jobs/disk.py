"""Getting what was written onto the disk, so that not even a power cut takes it back."""

import fcntl
import os
from pathlib import Path


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
