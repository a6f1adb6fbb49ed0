"""A look at an input before anything is stored: is there one line that can run?"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from jobs.errors import InputError, RowError, UsageError
from jobs.model import NewJob
from producer.decode import decode_object
from producer.lines import LineParser
from producer.overrides import Overrides
from producer.reader import Line

#: The rows whose keys are the columns that there are.
COLUMN_ROWS = 1000

#: Columns that a message lists.
_LISTED = 20


def refuse_useless(
    path: Path, lines: Iterable[Line], parser: LineParser, overrides: Overrides
) -> None:
    """Raise when an input cannot be run at all; reads no further than it must to know.

    `UsageError`: a template names a column that none of the first 1,000 rows has.
    `InputError`: there is no row, or every line has a fault.
    """
    columns = _Columns(path, overrides)
    faults = _Faults(path)
    has_usable = False
    for line in lines:
        if columns.rows < COLUMN_ROWS:
            columns.look_at(line)
        has_usable = has_usable or not faults.found_in(parser.parse(line))
        if has_usable and columns.rows >= COLUMN_ROWS:
            break
    columns.refuse_unknown()
    if not has_usable:
        raise faults.error()


class _Columns:
    """The columns that there are, and those that a template names and no row had so far."""

    def __init__(self, path: Path, overrides: Overrides) -> None:
        self.rows = 0
        self._path = path
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
                f"The template names {names}, which no row of {self._path} has. The columns there"
                f" are: {_listed(list(self._there_are))}."
            )


class _Faults:
    """Counts the lines that cannot run and keeps the first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self._first: NewJob | None = None

    def found_in(self, job: NewJob) -> bool:
        if job.error_code is None:
            return False
        self._number += 1
        self._first = self._first or job
        return True

    def error(self) -> InputError:
        if self._first is None:
            return InputError(
                f"{self._path} has only blank lines. Put one JSON object a line into it."
            )
        lines = "its only line" if self._number == 1 else f"all {self._number} lines"
        return InputError(
            f"{self._path} has no usable line; {lines} cannot run. Line {self._first.line}:"
            f" {self._first.error_message}"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
