"""An input file: read in blocks, as often as needed, and known again by the hash of its bytes."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jobs.errors import InputError, StoppedEarlyError

BLOCK = 256 * 1024


class Source:
    """A regular file. Each `blocks` is a new reading from its start.

    `name` is what messages call it. Raises `InputError` with one sentence when there is nothing
    that could be read at `path`. No file stays open, for there may be more than a process may have.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.path = path
        self.name = name or str(path)
        self._seen_as = _look_at_regular(path, self.name)
        self._hash = hashlib.blake2b(digest_size=32)
        #: Bytes read by the present reading.
        self.bytes_read = 0

    @property
    def size(self) -> int:
        """Bytes that the file had when it was first looked at."""
        return self._seen_as.st_size

    @property
    def hash(self) -> str:
        """blake2b of the whole file, read for it unless the present reading has read it all."""
        return self._hash.hexdigest() if self.bytes_read == self.size else self.whole_hash()

    def blocks(self) -> Iterator[bytes]:
        """The file from its beginning, block by block.

        Raises `StoppedEarlyError` when the file breaks off while it is read.
        """
        self._hash = hashlib.blake2b(digest_size=32)
        self.bytes_read = 0
        with self.opened() as file:
            while block := file.read(BLOCK):
                self._hash.update(block)
                self.bytes_read += len(block)
                yield block

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file, to be read in any order; errors of reading as `blocks` raises them."""
        try:
            with self.path.open("rb", buffering=0) as file:
                yield file
        except OSError as error:
            raise StoppedEarlyError(
                f"{self.name} could not be read to its end: {error.strerror}. What was read is"
                " kept; give the same command again."
            ) from error

    def whole_hash(self) -> str:
        """blake2b of the whole file, read for this alone."""
        for _ in self.blocks():
            pass
        return self._hash.hexdigest()

    def has_changed(self) -> bool:
        """Whether somebody has written to the file, or put another in its place, since then."""
        try:
            return _identity(self.path.stat()) != _identity(self._seen_as)
        except OSError:
            return True


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _look_at_regular(path: Path, name: str) -> os.stat_result:
    try:
        # Looked at before it is opened: opening a pipe waits for its other end.
        found = path.stat()
        _refuse_useless(name, found)
        path.open("rb").close()
    except FileNotFoundError:
        raise InputError(f"{name} does not exist. Check the path of the input.") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.") from error
    return found


def _refuse_useless(name: str, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{name} is a directory. Name its files, such as '{name}/*.csv'.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(
            f"{name} is not a regular file. Save the rows to a file, or pipe them to -."
        )
