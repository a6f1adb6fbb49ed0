"""Rows of a program, written to a file for as long as it takes to read them in."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from jobs.errors import InputError


@contextmanager
def written_rows(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Iterator[Path]:
    """A file in `folder` with one row a line, gone after the block.

    So they go through the same reading and checking as a user's file, and need not fit in memory.
    Raises `InputError` for a row that JSON cannot hold.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".rows-", suffix=".jsonl") as file:
        for number, row in enumerate(rows, 1):
            try:
                file.write(msgspec.json.encode(dict(row)) + b"\n")
            except (TypeError, ValueError) as error:
                raise InputError(f"Row {number} cannot be written as JSON: {error}.") from error
        file.flush()
        yield Path(file.name)
