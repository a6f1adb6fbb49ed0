"""Folders that nobody but their owner gets into."""

import errno
import os
import stat
from pathlib import Path

PRIVATE = 0o700


def locks_in(data_dir: Path) -> Path:
    """Where the locks of a machine lie, one file each; some guard the names of its workers."""
    return data_dir / "locks"


def make_private(folder: Path) -> None:
    """Make a folder that is missing.

    Raises `OSError` where it cannot be made, and where what is there is not ours alone: somebody
    else's, open to others, or a link to elsewhere.
    """
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "the folder is somebody else's", str(folder))
    if stat.S_IMODE(found.st_mode) != PRIVATE:
        raise PermissionError(errno.EPERM, "the folder is open to others", str(folder))
