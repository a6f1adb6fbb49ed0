"""Tables as CSV: UTF-8, a header, null as nothing, everything but text as JSON."""

import csv
import io
from pathlib import Path
from typing import BinaryIO

from producer.columns import as_text
from producer.table import Table

#: Bytes of a header that are read to see whose file it is.
_HEADER = 1_000_000


def write_csv(table: Table, stream: BinaryIO, delimiter: str = ",") -> int:
    """Write a table; returns the number of its rows, the header not counted."""
    # What is quoted depends on the line's end: only so is a lone carriage return.
    writer = csv.writer(_Lines(stream), delimiter=delimiter, lineterminator=_END)
    writer.writerow([column.name for column in table.columns])
    number = 0
    for row in table.rows():
        writer.writerow([as_text(raw) for raw in row])
        number += 1
    return number


def csv_columns(path: Path, delimiter: str = ",") -> list[str]:
    """The header of a file; empty where it has none that could be read."""
    with path.open("rb") as file:
        text = file.read(_HEADER).decode("utf-8-sig", "replace")
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


_END = "\r\n"


class _Lines:
    """Takes the lines of a writer and ends them as lines end here."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: str) -> int:
        return self._stream.write(line.removesuffix(_END).encode() + b"\n")
