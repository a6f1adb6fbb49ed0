"""Inputs to read in: the same rows of 1 KB in each format."""

import csv
import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

LINE_BYTES = 1_024

#: Rows of one row group, of which a writer holds all.
_GROUP = 10_000

_HEAD = '{"custom_id":"","prompt":""}'


def write_jsonl(path: Path, rows: int) -> None:
    """Each row is a line of `LINE_BYTES` bytes."""
    with path.open("w") as file:
        for custom_id, prompt in _rows(rows):
            file.write(f'{{"custom_id":"{custom_id}","prompt":"{prompt}"}}\n')


def write_csv(path: Path, rows: int) -> None:
    """The same rows in two columns."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("custom_id", "prompt"))
        writer.writerows(_rows(rows))


def write_parquet(path: Path, rows: int) -> None:
    """The same rows in two columns of text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema({"custom_id": pa.string(), "prompt": pa.string()})
    left = _rows(rows)
    with pq.ParquetWriter(path, schema) as writer:
        while group := list(islice(left, _GROUP)):
            columns = [pa.array(column) for column in zip(*group, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


#: By the ending of the file; the first is what the others are held against.
WRITERS: dict[str, Callable[[Path, int], None]] = {
    ".jsonl": write_jsonl,
    ".csv": write_csv,
    ".parquet": write_parquet,
}


def _rows(number: int) -> Iterator[tuple[str, str]]:
    letters = random.Random(0)  # noqa: S311  (an input, the same each time)
    for row in range(1, number + 1):
        custom_id = f"row-{row:08d}"
        size = LINE_BYTES - len(_HEAD) - len(custom_id) - 1
        yield custom_id, letters.randbytes(size // 2).hex().ljust(size)
