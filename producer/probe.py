"""A look at an input before anything is stored: is there one line that can run?"""

from collections.abc import Sequence

from jobs.errors import InputError, RowError, UsageError
from producer.decode import decode_object
from producer.lines import LineParser
from producer.overrides import Overrides
from producer.raw import Line
from producer.reading import Reading, Row

#: The rows whose keys are the columns that there are.
COLUMN_ROWS = 1000

#: Columns that a message lists.
_LISTED = 20


def refuse_useless(reading: Reading, parser: LineParser, overrides: Overrides) -> None:
    """Raise when an input cannot be run at all; reads no further than it must to know.

    `UsageError`: a template names a column that none of the first 1,000 rows of a file has.
    `InputError`: there is no row, or every line of every file has a fault.
    """
    faults = _Faults()
    has_usable = False
    for number, source in enumerate(reading.sources):
        columns = _Columns(source.name, overrides)
        of_it = f" of {source.name}" if len(reading.sources) > 1 else ""
        for row in reading.rows_of(number):
            if columns.rows < COLUMN_ROWS:
                columns.look_at(row.line)
            has_usable = has_usable or not faults.found_in(of_it, row, parser)
            if has_usable and columns.rows >= COLUMN_ROWS:
                break
        columns.refuse_unknown()
    if not has_usable:
        raise faults.error(" and ".join(source.name for source in reading.sources))


class _Columns:
    """The columns that there are, and those that a template names and no row had so far."""

    def __init__(self, name: str, overrides: Overrides) -> None:
        self.rows = 0
        self._name = name
        self._there_are: dict[str, None] = {}
        self._missing = list(overrides.templates().columns)

    def look_at(self, line: Line) -> None:
        if line.fault is not None:
            return
        try:
            _, row = decode_object(line.data)
        except RowError:
            # The parser meets the same fault, and there it counts.
            return
        self.rows += 1
        self._there_are.update(dict.fromkeys(row))
        self._missing = [column for column in self._missing if not column.is_in(row)]

    def refuse_unknown(self) -> None:
        if self.rows and self._missing:
            names = " and ".join(f"`{column.name}`" for column in self._missing)
            raise UsageError(
                f"The template names {names}, which no row of {self._name} has. The columns there"
                f" are: {_listed(list(self._there_are))}."
            )


class _Faults:
    """Counts the lines that cannot run and keeps the first."""

    def __init__(self) -> None:
        self._number = 0
        self._first = ""

    def found_in(self, of_file: str, row: Row, parser: LineParser) -> bool:
        job = parser.parse(row.line, row.place)
        if job.error_code is None:
            return False
        self._number += 1
        self._first = self._first or f"Line {row.line.number}{of_file}: {job.error_message}"
        return True

    def error(self, names: str) -> InputError:
        if not self._number:
            return InputError(f"{names} has no row: only blank lines, or a header. Put rows in.")
        lines = "its only line" if self._number == 1 else f"all {self._number} lines"
        return InputError(f"{names} has no usable line; {lines} cannot run. {self._first}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
