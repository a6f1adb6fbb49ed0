"""Parquet: the one place where Arrow is talked to.

Values become JSON as they are: numbers, texts, truth values, null; lists and structs as lists and
objects, maps as objects. Dates, times, durations (ISO 8601, to the microsecond) and decimals become
text; NaN and infinity become null. Binary values are no JSON: their columns are left out, or
refused where a request is made of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.codes import ErrorCode
from jobs.errors import InputError, StoppedEarlyError
from producer.csv_rows import refuse_unclear_columns
from producer.raw import MAX_LINE, Line
from producer.source import Source

#: Bytes of values in memory at once to aim at, and the most rows.
_BATCH_BYTES = 2_000_000
_BATCH_ROWS = 1000

#: Bytes of a column that are read at once; without it that is all of it that is in a row group.
_READ_AHEAD = 1 << 16

_encode = msgspec.json.Encoder().encode


def read_parquet(source: Source, needed: frozenset[str]) -> Iterator[Line]:
    """The rows of a Parquet file; their numbers count from 1.

    Raises `InputError` for what is no Parquet file, and where one of the columns `needed` for
    requests is binary.
    """
    number = 0
    with source.opened() as file:
        parquet = _open(source, file)
        schema = parquet.schema_arrow
        refuse_unclear_columns(source.name, schema.names)
        _refuse_binary(source, schema, needed)
        with _broken_off(source, lambda: number):
            for batch in parquet.iter_batches(
                batch_size=_batch_size(parquet.metadata),
                columns=[path for field in schema for path in _readable(field.name, field.type)],
                use_threads=False,
            ):
                yield from _lines(batch, number)
                number += batch.num_rows


def left_out(source: Source) -> tuple[str, ...]:
    """The binary columns of a file, which its rows lack; raises `InputError` as reading does."""
    with source.opened() as file:
        return tuple(_binary_columns(_open(source, file).schema_arrow))


def _open(source: Source, file: BinaryIO) -> Any:
    try:
        return pq.ParquetFile(file, buffer_size=_READ_AHEAD, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{source.name} is no Parquet file: {_first_line(error)} If it is of another kind, say"
            " which one with --input-format."
        ) from error


@contextmanager
def _broken_off(source: Source, rows_read: Any) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise StoppedEarlyError(
            f"{source.name} is damaged after row {rows_read():,}: {_first_line(error)} Put a sound"
            " one in its place, then give the same command again."
        ) from error


def _first_line(error: Exception) -> str:
    return f"{str(error).splitlines()[0].rstrip('.')}."


def _refuse_binary(source: Source, schema: Any, needed: frozenset[str]) -> None:
    binary = [
        path
        for path in _binary_columns(schema)
        if any(f"{path}.".startswith(f"{n}.") or f"{n}.".startswith(f"{path}.") for n in needed)
    ]
    if binary:
        raise InputError(
            f"{source.name} has bytes where a text is needed, in {', '.join(binary)}. Make the"
            " prompt from other columns with --prompt, or write these as text."
        )


def _binary_columns(schema: Any) -> list[str]:
    """The columns, or dotted ways to values in them, that are bytes or have bytes in a list."""
    return [path for field in schema for path in _binary(field.name, field.type)]


def _binary(path: str, kind: Any) -> Iterator[str]:
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _binary(f"{path}.{field.name}", field.type)
    elif _has_binary(kind):
        yield path


def _readable(path: str, kind: Any) -> Iterator[str]:
    """The ways to what can be read of a column: itself, or the parts of it that are not binary."""
    if not any(True for _ in _binary(path, kind)):
        yield path
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _readable(f"{path}.{field.name}", field.type)


def _has_binary(kind: Any) -> bool:
    if any(test(kind) for test in (pa.types.is_binary, pa.types.is_large_binary)):
        return True
    if pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return True
    if pa.types.is_dictionary(kind):
        return _has_binary(kind.value_type)
    return any(_has_binary(kind.field(i).type) for i in range(kind.num_fields))


def _batch_size(metadata: Any) -> int:
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    largest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1)
    return int(max(1, min(_BATCH_ROWS, _BATCH_BYTES / max(largest, 1))))


def _lines(batch: Any, before: int) -> Iterator[Line]:
    try:
        rows = _values(batch)
        encoded = [_encode(row) for row in rows]
    except (ValueError, TypeError, OverflowError, KeyError, pa.ArrowException):
        for index in range(batch.num_rows):
            yield _alone(batch.slice(index, 1), before + index + 1)
        return
    for number, data in enumerate(encoded, before + 1):
        yield _line(number, data)


def _alone(row: Any, number: int) -> Line:
    """A row of a batch in which at least one cannot be read."""
    try:
        return _line(number, _encode(_values(row)[0]))
    except UnicodeDecodeError:
        return Line(number, b"", ErrorCode.INVALID_UTF8)
    except (ValueError, TypeError, OverflowError, KeyError, pa.ArrowException) as error:
        return Line(number, b"", ErrorCode.UNREADABLE_VALUE, f"It is a {type(error).__name__}.")


def _line(number: int, data: bytes) -> Line:
    if len(data) > MAX_LINE:
        return Line(number, b"", ErrorCode.LINE_TOO_LARGE)
    return Line(number, data)


def _values(batch: Any) -> list[dict[str, Any]]:
    """The rows as Python's values, of kinds that JSON can be made of."""
    columns = [_to_microseconds(column) for column in batch.columns]
    readable = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    rows: list[dict[str, Any]] = readable.to_pylist(maps_as_pydicts="strict")
    return rows


def _to_microseconds(column: Any) -> Any:
    wanted = _microseconds(column.type)
    # Cutting nanoseconds off is what `safe` would refuse.
    return column if wanted == column.type else column.cast(wanted, safe=False)


def _microseconds(kind: Any) -> Any:
    """The type with nanoseconds, which Python's own values do not have, taken out of it."""
    types = pa.types
    if getattr(kind, "unit", "") == "ns":
        if types.is_timestamp(kind):
            return pa.timestamp("us", kind.tz)
        return pa.duration("us") if types.is_duration(kind) else pa.time64("us")
    return _nested_microseconds(kind) if kind.num_fields or types.is_dictionary(kind) else kind


def _nested_microseconds(kind: Any) -> Any:
    types = pa.types
    if types.is_dictionary(kind):
        return _microseconds(kind.value_type)
    if types.is_struct(kind):
        return pa.struct([field.with_type(_microseconds(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(_microseconds(kind.key_type), _microseconds(kind.item_type))
    if types.is_list(kind) or types.is_large_list(kind):
        make = pa.list_ if types.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(_microseconds(kind.value_type)))
    return kind
