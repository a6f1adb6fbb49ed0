"""Tables as Parquet: typed columns, vectors as lists of numbers, other nested values as JSON."""

from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from producer.columns import Type, as_text, value_of
from producer.table import Column, Table

#: Rows, and bytes of their values, in one row group at most.
_GROUP_ROWS = 50_000
_GROUP_BYTES = 8_000_000


def write_parquet(table: Table, stream: BinaryIO) -> int:
    """Write a table, a row group at a time; returns the number of its rows."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(column.name, _arrow(column.type)) for column in table.columns])
    number = 0
    with parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        for group in _groups(table):
            number += len(group)
            arrays = [
                pa.array([_value(column, row[index]) for row in group], _arrow(column.type))
                for index, column in enumerate(table.columns)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return number


def parquet_columns(path: Path) -> list[str]:
    """The names of a file's columns; empty where it is no Parquet."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        names: list[str] = parquet.read_schema(path).names
    except (pa.ArrowException, OSError):
        return []
    return names


def _groups(table: Table) -> Any:
    rows = table.rows()
    while True:
        group, size = [], 0
        for row in islice(rows, _GROUP_ROWS):
            group.append(row)
            size += sum(map(len, row))
            if size >= _GROUP_BYTES:
                break
        if not group:
            return
        yield group


def _arrow(its_type: Type) -> Any:
    import pyarrow as pa

    match its_type:
        case Type.BOOL:
            return pa.bool_()
        case Type.INTEGER:
            return pa.int64()
        case Type.FLOAT:
            return pa.float64()
        case Type.VECTOR:
            return pa.list_(pa.float64())
        case Type.TEXT:
            return pa.string()


def _value(column: Column, raw: bytes) -> Any:
    if raw == b"null":
        return None
    return as_text(raw) if column.type is Type.TEXT else value_of(raw)
