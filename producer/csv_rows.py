"""CSV with a header: a row for each record after it, every value a text.

The header says what separates fields: a tab, or a semicolon where it has no comma, else a comma.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from jobs.codes import ErrorCode
from jobs.errors import InputError
from producer.csv_records import Record, read_records
from producer.raw import MAX_LINE, Line, text_lines
from producer.source import Source

#: Columns that a message lists.
_LISTED = 20

_QUOTED = re.compile(r'"[^"]*"?')

_encode = msgspec.json.Encoder().encode


def read_csv(source: Source, encoding: str) -> Iterator[Line]:
    """The rows of a CSV file; blank lines are left out.

    Raises `InputError` for a header that does not tell its columns apart.
    """
    lines = text_lines(source, encoding)
    first = next((line for line in lines if line.text.strip() or line.fault is not None), None)
    if first is None:
        return
    records = read_records(first, lines, delimiter_of(first.text))
    header = _header(source, next(records))
    for record in records:
        yield _row(header, record)


def delimiter_of(header: str) -> str:
    """What separates the fields of a file with this header."""
    bare = _QUOTED.sub("", header)
    if "\t" in bare:
        return "\t"
    return ";" if ";" in bare and "," not in bare else ","


def _row(header: Sequence[str], record: Record) -> Line:
    number, fields, fault, detail = record
    if fault is not None:
        return Line(number, b"", fault, detail)
    if len(fields) != len(header):
        detail = f"It has {len(fields)}, the header has {len(header)}."
        return Line(number, b"", ErrorCode.RAGGED_ROW, detail)
    # In a file with one column a value may well be that column's name.
    if fields == header and len(header) > 1:
        return Line(number, b"", ErrorCode.REPEATED_HEADER)
    data = _encode(dict(zip(header, fields, strict=True)))
    if len(data) > MAX_LINE:
        return Line(number, b"", ErrorCode.LINE_TOO_LARGE)
    return Line(number, data)


def _header(source: Source, record: Record) -> Sequence[str]:
    if record.fault is not None:
        raise InputError(
            f"The header of {source.name} cannot be read. {record.fault.sentence} {record.detail}"
            f" {record.fault.way_out}"
        )
    refuse_unclear_columns(source.name, record.fields)
    return record.fields


def refuse_unclear_columns(name: str, columns: Sequence[str]) -> None:
    """Raise `InputError` where two columns of a file have the same name, or one has none."""
    nameless = [str(place) for place, column in enumerate(columns, 1) if not column.strip()]
    if nameless:
        raise InputError(
            f"{name} has columns without a name: number {', '.join(nameless[:_LISTED])}. Give each"
            " column a name in the first line, or take it out."
        )
    twice = [column for column, times in Counter(columns).items() if times > 1]
    if twice:
        raise InputError(
            f"{name} has more than one column of the same name: {', '.join(twice[:_LISTED])}. Give"
            " each column a name of its own in the first line."
        )
