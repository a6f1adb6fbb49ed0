"""The records of a CSV file, which may go over several lines, and what is wrong with them.

Read by RFC 4180: a field is quoted as a whole, and a quote inside is doubled. A quote that is never
closed would swallow the rest of the file. So what is quoted wrongly costs the line on which it
begins: the lines after it are read again, as records of their own.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

from jobs.codes import ErrorCode
from producer.raw import MAX_LINE, TextLine


class Record(NamedTuple):
    """The fields of one record, or the fault that hides them."""

    #: The line on which it begins.
    number: int
    fields: Sequence[str]
    fault: ErrorCode | None = None
    detail: str = ""


def read_records(
    first: TextLine, rest: Iterator[TextLine], delimiter: str, max_record: int = MAX_LINE
) -> Iterator[Record]:
    """The records of these lines; blank lines are left out.

    No line is read more than three times, and no more than `max_record` characters are held.
    """
    # One setting for the whole process; ours stops longer fields before it would.
    csv.field_size_limit(max(MAX_LINE, csv.field_size_limit()))
    feed = _Feed(first, rest, max_record)
    reader = csv.reader(feed, strict=True, delimiter=delimiter)
    while True:
        feed.held.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLongError) as error:
            yield _failed(feed.held, error)
            yield from _each_alone(feed.held[1:-1], delimiter)
            if len(feed.held) > 1:
                # It has the quote at which this came out, and may begin a record of its own.
                feed.put_back(feed.held[-1])
            continue
        if fault := next((line for line in feed.held if line.fault is not None), None):
            yield Record(feed.held[0].number, (), fault.fault, _where(fault, feed.held[0]))
        elif fields:
            yield Record(feed.held[0].number, fields)


class _TooLongError(Exception):
    """A record is longer than any may be."""


class _Feed:
    """Gives lines to the reader and holds those of the present record."""

    def __init__(self, first: TextLine, rest: Iterator[TextLine], max_record: int) -> None:
        self.held: list[TextLine] = []
        self._back = [first]
        self._rest = rest
        self._max_record = max_record
        self._size = 0

    def put_back(self, line: TextLine) -> None:
        """Give this line again, before all others."""
        self._back.append(line)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._rest)
        self._size = len(line.text) + (self._size if self.held else 0)
        if self.held and self._size > self._max_record:
            self.put_back(line)
            raise _TooLongError
        self.held.append(line)
        return line.text + "\n"


def _each_alone(lines: Sequence[TextLine], delimiter: str) -> Iterator[Record]:
    for line in lines:
        if line.fault is not None:
            yield Record(line.number, (), line.fault, line.detail)
            continue
        try:
            fields = next(csv.reader([line.text + "\n"], strict=True, delimiter=delimiter))
        except csv.Error as error:
            yield _failed([line], error)
            continue
        if fields:
            yield Record(line.number, fields)


def _failed(held: Sequence[TextLine], error: Exception) -> Record:
    first = held[0]
    if len(held) == 1 and first.fault is not None:
        return Record(first.number, (), first.fault, first.detail)
    return Record(first.number, (), ErrorCode.INVALID_CSV, _reason(held, error))


def _reason(held: Sequence[TextLine], error: Exception) -> str:
    if isinstance(error, _TooLongError):
        return f"A quote that opens in it is not closed within {len(held):,} lines."
    if "unexpected end" in str(error):
        return "A quote that opens in it is not closed by the end of the file."
    if "new-line" in str(error):
        return "A carriage return stands in it outside of quotes."
    if len(held) > 1:
        return f"A quote that opens in it meets another one in line {held[-1].number}."
    return "A quote inside a quoted field is not doubled."


def _where(fault: TextLine, first: TextLine) -> str:
    if fault.number == first.number:
        return fault.detail
    return f"{fault.detail} It goes on in line {fault.number}.".lstrip()
