"""Rows of a program, written to a file for as long as it takes to read them in."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from jobs.errors import InputError
from jobs.locks import FileLock
from nightmill.frames import plain

_PREFIX, _SUFFIX = ".rows-", ".jsonl"

_encode = msgspec.json.Encoder(enc_hook=plain).encode


@contextmanager
def written_rows(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Iterator[Path]:
    """A file in `folder` with one row a line, gone after the block.

    So they go through the same reading and checking as a user's file, and need not fit in memory.
    What a program that was killed left there is removed. Raises `InputError` for a row that JSON
    cannot hold.
    """
    _remove_abandoned(folder)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=_PREFIX, suffix=_SUFFIX) as file:
        path = Path(file.name)
        # Held while the file is in use: that is how others know that it is not abandoned.
        with FileLock(path):
            _write(file, rows)
            yield path


def _write(file: IO[bytes], rows: Iterable[Mapping[str, Any]]) -> None:
    for number, row in enumerate(rows, 1):
        try:
            file.write(_encode(dict(row)) + b"\n")
        except (TypeError, ValueError) as error:
            raise InputError(f"Row {number} cannot be written as JSON: {error}.") from error
    file.flush()


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        lock = FileLock(path)
        if path.stat().st_size and lock.try_acquire():
            path.unlink(missing_ok=True)
            lock.release()
