"""Rows of a program, written to a file for as long as it takes to read them in."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from jobs.errors import InputError
from nightmill.frames import plain
from nightmill.spool import spool_file

_encode = msgspec.json.Encoder(enc_hook=plain).encode


@contextmanager
def written_rows(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Iterator[Path]:
    """A file in `folder` with one row a line, gone after the block.

    So they go through the same reading and checking as a user's file, and need not fit in memory.
    Raises `InputError` for a row that JSON cannot hold.
    """
    with spool_file(folder, ".jsonl") as file:
        _write(file, rows)
        yield Path(file.name)


def _write(file: IO[bytes], rows: Iterable[Mapping[str, Any]]) -> None:
    for number, row in enumerate(rows, 1):
        try:
            file.write(_encode(dict(row)) + b"\n")
        except (TypeError, ValueError) as error:
            raise InputError(f"Row {number} cannot be written as JSON: {error}.") from error
    file.flush()
