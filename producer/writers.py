"""How records become the bytes of a file: one writer for each format.

CSV and Parquet become siblings of `write_jsonl`.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from jobs.errors import UsageError

#: Writes records to a stream as they come; returns how many there were.
Writer = Callable[[Iterable[dict[str, Any]], BinaryIO], int]

_UNWRITTEN = frozenset({".csv", ".tsv", ".parquet", ".xlsx", ".txt", ".gz"})

_encode = msgspec.json.Encoder().encode


def writer_of(path: Path) -> Writer:
    """What writes files with this ending; raises `UsageError` for a format that nobody writes."""
    ending = path.suffix.lower()
    if ending in _UNWRITTEN:
        raise UsageError(
            f"Results cannot be written as {ending} yet. Let the name of {path} end in .jsonl."
        )
    return write_jsonl


def write_jsonl(records: Iterable[dict[str, Any]], stream: BinaryIO) -> int:
    """One JSON object a line."""
    number = 0
    for record in records:
        stream.write(_encode(record) + b"\n")
        number += 1
    return number
