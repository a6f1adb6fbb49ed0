"""Why rows of a batch failed. Reads failed jobs only, and no prompt and no answer of them."""

import msgspec
from sqlalchemy import Connection

from jobs.store.dialect import Sql


class FailedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row that failed."""

    #: 1-based number of its line in the input.
    line: int
    #: None where the line could not be read that far.
    custom_id: str | None
    code: str
    message: str


class FailedRows(msgspec.Struct, frozen=True, kw_only=True):
    """All rows that failed with the same code."""

    code: str
    rows: int
    #: The first of their lines.
    lines: tuple[int, ...]
    #: What was said about the first one.
    message: str


def by_code(c: Connection, batch_id: str, lines: int) -> list[FailedRows]:
    """The failed rows by code, most frequent first, with up to so many of their lines."""
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
    rows = _FIRST(c, batch_id=batch_id, limit=limit)
    return [msgspec.convert(row._asdict(), FailedRow) for row in rows]


_PARTS = {
    "failed": "FROM jobs AS j JOIN results AS r ON r.job_id = j.id AND r.run = j.run"
    " WHERE j.batch_id = :batch_id AND j.state = 'failed' AND j.revision > 0",
    "columns": "j.line, r.error_code AS code, coalesce(r.error_message, '') AS message",
}
_BY_CODE = Sql(
    """
SELECT code, line, rows, message FROM (
    SELECT {columns},
        count(*) OVER (PARTITION BY r.error_code) AS rows,
        row_number() OVER (PARTITION BY r.error_code ORDER BY j.line) AS place
    {failed}
) AS numbered
WHERE place <= :lines ORDER BY rows DESC, code, line
""",
    _PARTS,
)
_FIRST = Sql("SELECT j.custom_id, {columns} {failed} ORDER BY j.line LIMIT :limit", _PARTS)
