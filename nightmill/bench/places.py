"""Where a bench works: in a folder of its own on a real disk, of which nothing is left."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from jobs.disk import sync
from jobs.errors import UsageError

#: File systems that lie in memory: what is synced there costs nothing.
IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A new folder in `folder`; raises `UsageError` where that lies in memory."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kind = file_system_of(folder)
        if kind in IN_MEMORY:
            raise UsageError(
                f"{folder} lies in memory ({kind}), where a sync costs nothing and figures mean"
                " nothing. Name a folder on a disk."
            )
        place = Path(tempfile.mkdtemp(prefix="bench-", dir=folder))
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror}. Name another folder."
        ) from error
    try:
        yield place
    finally:
        shutil.rmtree(place)


def file_system_of(path: Path) -> str:
    """The kind of file system that a path lies on, such as `ext4`; empty if nobody knows."""
    real = path.resolve()
    mounts = [
        part for part in psutil.disk_partitions(all=True) if real.is_relative_to(part.mountpoint)
    ]
    # Of two on the same place the later one hides the earlier.
    deepest = max(enumerate(mounts), key=lambda m: (len(m[1].mountpoint), m[0]), default=None)
    return "" if deepest is None else str(deepest[1].fstype)


def fsyncs_per_s(folder: Path, for_s: float = 0.5) -> float:
    """How often a second this disk really takes a small write."""
    handle, name = tempfile.mkstemp(dir=folder)
    count, began = 0, time.perf_counter()
    try:
        while time.perf_counter() - began < for_s:
            os.pwrite(handle, b"x" * 4096, 4096 * (count % 256))
            sync(handle)
            count += 1
        return count / (time.perf_counter() - began)
    finally:
        os.close(handle)
        Path(name).unlink()
