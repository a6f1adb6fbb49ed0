"""Results, in the order of the input and a page at a time."""

import msgspec
from sqlalchemy import Connection

from jobs.model import ResultRow
from jobs.states import JobState
from jobs.store.dialect import Sql


def page(c: Connection, batch_id: str, after_line: int, limit: int) -> list[ResultRow]:
    """Up to `limit` rows of a batch after this line, each with the record of its present run.

    Rows of all states, also while the batch runs: an unfinished one has neither text nor error.
    """
    rows = _PAGE(c, batch_id=batch_id, after_line=after_line, limit=limit)
    return [msgspec.convert(row._asdict(), ResultRow) for row in rows]


def of_lines(c: Connection, batch_id: str, lines: list[int]) -> list[ResultRow]:
    """The rows of these lines, in the order of the input."""
    rows = _OF_LINES(c, batch_id=batch_id, lines=[(line,) for line in lines])
    return [msgspec.convert(row._asdict(), ResultRow) for row in rows]


def progress(
    c: Connection, batch_id: str, after_line: int, limit: int
) -> list[tuple[int, JobState]]:
    """Line and state of up to `limit` rows after this line."""
    rows = _PROGRESS(c, batch_id=batch_id, after_line=after_line, limit=limit)
    return [(row.line, JobState(row.state)) for row in rows]


def has_rows(c: Connection, batch_id: str) -> bool:
    """Whether any job that could run was a row of the input, rather than an OpenAI line."""
    return bool(_HAS_ROWS(c, batch_id=batch_id).scalar_one())


_PARTS = {
    "result": """
SELECT j.id AS job_id, j.line, j.custom_id, j.kind, j.state, j.run, q."row", r.text, r.reasoning,
    r.finish_reason, coalesce(r.model, j.model) AS model,
    coalesce(r.input_tokens, 0) AS input_tokens, coalesce(r.output_tokens, 0) AS output_tokens,
    r.error_code, r.error_message, coalesce(r.form, 'text') AS form
FROM jobs AS j
    LEFT JOIN requests AS q ON q.job_id = j.id
    LEFT JOIN results AS r ON r.job_id = j.id AND r.run = j.run
WHERE j.batch_id = :batch_id AND j.revision > 0
"""
}
_PAGE = Sql(
    "{result} AND j.line > :after_line ORDER BY j.line, j.id LIMIT :limit",
    _PARTS,
)
_OF_LINES = Sql(
    "{result} AND j.line IN (SELECT line FROM {lines} AS l) ORDER BY j.line, j.id",
    _PARTS,
    lines="line integer",
)
_PROGRESS = Sql("""
SELECT j.line, j.state FROM jobs AS j
WHERE j.batch_id = :batch_id AND j.line > :after_line AND j.revision > 0
ORDER BY j.line, j.id LIMIT :limit
""")
_HAS_ROWS = Sql("""
SELECT EXISTS (
    SELECT 1 FROM jobs WHERE batch_id = :batch_id AND kind = 'row' AND run > 0 AND revision > 0
)
""")
