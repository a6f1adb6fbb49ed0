"""An input file: opened once, read in blocks, and known again by the hash of its bytes."""

import hashlib
import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.errors import InputError, StoppedEarlyError

BLOCK = 256 * 1024


class Source:
    """A regular file that is open for reading. Each `blocks` is a new reading from its start.

    Raises `InputError` with one sentence when there is nothing to read at `path`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _open_regular(path)
        self._opened_as = os.fstat(self._file.fileno())
        self._hash = hashlib.blake2b(digest_size=32)
        #: Bytes read by the present reading.
        self.bytes_read = 0

    @property
    def size(self) -> int:
        """Bytes that the file had when it was opened."""
        return self._opened_as.st_size

    @property
    def hash(self) -> str:
        """blake2b of the bytes that the present reading has read so far."""
        return self._hash.hexdigest()

    def blocks(self) -> Iterator[bytes]:
        """The file from its beginning, block by block.

        Raises `StoppedEarlyError` when the file breaks off while it is read.
        """
        self._file.seek(0)
        self._hash = hashlib.blake2b(digest_size=32)
        self.bytes_read = 0
        while block := self._read():
            self._hash.update(block)
            self.bytes_read += len(block)
            yield block

    def whole_hash(self) -> str:
        """blake2b of the whole file, read for this alone."""
        for _ in self.blocks():
            pass
        return self.hash

    def has_changed(self) -> bool:
        """Whether somebody has written to the file since it was opened."""
        now = os.fstat(self._file.fileno())
        then = self._opened_as
        return (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns)

    def _read(self) -> bytes:
        try:
            return self._file.read(BLOCK)
        except OSError as error:
            raise StoppedEarlyError(
                f"{self.path} could not be read to its end: {error.strerror}. What was read is"
                " kept; give the same command again."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def _open_regular(path: Path) -> FileIO:
    try:
        # Looked at before it is opened: opening a pipe waits for its other end.
        _refuse_useless(path, path.stat())
        return FileIO(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist. Check the path of the input.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def _refuse_useless(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path} is a directory. Name the file in it that has the rows.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} is not a regular file. Save the rows to a file first.")
    if found.st_size == 0:
        raise InputError(f"{path} is empty. Put one JSON object a line into it.")
