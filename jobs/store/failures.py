"""Why rows of a batch have no answer: of no row its prompt is read."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row

from jobs.model import Counts
from jobs.states import JobState
from jobs.store.dialect import Sql


class FailedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row that is over without an answer."""

    #: 1-based number of its line in the input; counted through all files until it is placed.
    line: int
    #: None where the line could not be read that far.
    custom_id: str | None
    code: str
    message: str
    #: The file that the line is in where the input has several.
    file: str | None = None


class FailedRows(msgspec.Struct, frozen=True, kw_only=True):
    """All rows that are over without an answer for the same reason."""

    code: str
    rows: int
    #: The first of their lines.
    lines: tuple[int, ...]
    #: What was said about the first one.
    message: str


def by_code(c: Connection, batch_id: str, lines: int) -> list[FailedRows]:
    """The failed rows by code, most frequent first, with up to so many of their lines. Reads failed
    jobs only.
    """
    found: dict[str, list[tuple[int, int, str]]] = {}
    for code, line, rows, message in _BY_CODE(c, batch_id=batch_id, lines=lines):
        found.setdefault(code, []).append((line, rows, message))
    return [
        FailedRows(
            code=code,
            rows=first[0][1],
            lines=tuple(line for line, _, _ in first),
            message=first[0][2],
        )
        for code, first in found.items()
    ]


def first(c: Connection, batch_id: str, limit: int) -> list[FailedRow]:
    """The first failed rows in the order of the input."""
    return [_row(row) for row in _FIRST(c, batch_id=batch_id, limit=limit)]


class CutShort(NamedTuple):
    """The rows that were cancelled, or those that have expired."""

    number: int
    #: The first of them in the order of the input.
    first: list[FailedRow]

    def by_code(self, lines: int) -> FailedRows:
        """As a group, with up to so many lines."""
        return FailedRows(
            code=self.first[0].code,
            rows=self.number,
            lines=tuple(row.line for row in self.first[:lines]),
            message=self.first[0].message,
        )


def cut_short(c: Connection, batch_id: str, counts: Counts, limit: int) -> list[CutShort]:
    """The rows of a batch with these counts that were cancelled or have expired, with the first
    `limit` of each. Reads its jobs up to the last of these, and none where nothing was cut short.
    """
    found = [
        CutShort(number, [_row(row) for row in _CUT_SHORT(c, state=state.value, **chosen)])
        for chosen in [{"batch_id": batch_id, "limit": limit}]
        for state in (JobState.CANCELLED, JobState.EXPIRED)
        if (number := counts.by_state[state])
    ]
    return [each for each in found if each.first]


def _row(row: Row[*tuple[Any, ...]]) -> FailedRow:
    return msgspec.convert(row._asdict(), FailedRow)


_PARTS = {
    "of_batch": "FROM jobs AS j JOIN results AS r ON r.job_id = j.id AND r.run = j.run"
    " WHERE j.batch_id = :batch_id AND j.revision > 0",
    "columns": "j.line, r.error_code AS code, coalesce(r.error_message, '') AS message",
}
_BY_CODE = Sql(
    """
SELECT code, line, rows, message FROM (
    SELECT {columns},
        count(*) OVER (PARTITION BY r.error_code) AS rows,
        row_number() OVER (PARTITION BY r.error_code ORDER BY j.line) AS place
    {of_batch} AND j.state = 'failed'
) AS numbered
WHERE place <= :lines ORDER BY rows DESC, code, line
""",
    _PARTS,
)
_FIRST = Sql(
    "SELECT j.custom_id, {columns} {of_batch} AND j.state = 'failed' ORDER BY j.line LIMIT :limit",
    _PARTS,
)
_CUT_SHORT = Sql(
    "SELECT j.custom_id, {columns} {of_batch} AND j.state = :state ORDER BY j.line LIMIT :limit",
    _PARTS,
)
