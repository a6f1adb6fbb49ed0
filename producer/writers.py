"""How results become the bytes of a file: the ending of its name says which format."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from jobs.errors import UsageError
from producer.plan import ResultKind
from producer.table import Table
from producer.write_csv import csv_columns, write_csv
from producer.write_parquet import parquet_columns, write_parquet

#: Writes a table to a stream; returns how many rows there were.
TableWriter = Callable[[Table, BinaryIO], int]

#: What reads the names of the columns of a file that may be no table at all.
_ReadColumns = Callable[[Path], list[str]]

_TABLES: dict[str, tuple[TableWriter, _ReadColumns]] = {
    ".csv": (write_csv, csv_columns),
    ".tsv": (partial(write_csv, delimiter="\t"), partial(csv_columns, delimiter="\t")),
    ".parquet": (write_parquet, parquet_columns),
}

_JSONL = frozenset({".jsonl", ".ndjson"})

#: JSON lines under such a name would be taken for a broken file.
_UNWRITTEN = frozenset({".xlsx", ".xls", ".ods", ".gz", ".zip", ".zst", ".bz2", ".xz"})

_encode = msgspec.json.Encoder().encode


def table_writer_of(path: Path) -> TableWriter | None:
    """What writes tables with this ending; None for JSON lines.

    Raises `UsageError` for a format that nobody writes.
    """
    ending = path.suffix.lower()
    if ending in _UNWRITTEN:
        raise UsageError(
            f"Results cannot be written as {ending}. Let the name of {path} end in .jsonl, .csv or"
            " .parquet."
        )
    writer, _ = _TABLES.get(ending, (None, None))
    return writer


def writer_for(path: Path, kind: ResultKind | None) -> TableWriter | None:
    """The same for results of this kind; raises `UsageError` where the two exclude each other."""
    writer = table_writer_of(path)
    if writer is not None and kind == "openai":
        raise UsageError(
            f"OpenAI's output lines are JSON, and {path} would be a table. Let its name end in"
            " .jsonl, or leave out --format openai."
        )
    return writer


def column_names_of(path: Path) -> list[str]:
    """The names of the columns of a file that `table_writer_of` has a writer for."""
    _, read = _TABLES[path.suffix.lower()]
    return read(path)


def note_on_ending(path: Path | None) -> str | None:
    """What a user should know of a format that the ending of a name does not say."""
    if path is None or path.suffix.lower() in _JSONL or table_writer_of(path) is not None:
        return None
    ending = f"The ending {path.suffix}" if path.suffix else "A name without an ending"
    return f"{ending} says no format: {path} gets one JSON object a line"


def write_jsonl(records: Iterable[dict[str, Any]], stream: BinaryIO) -> int:
    """One JSON object a line."""
    number = 0
    for record in records:
        stream.write(_encode(record) + b"\n")
        number += 1
    return number
