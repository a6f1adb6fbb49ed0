"""An input is read again: its rows meet the jobs that an earlier reading made."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from jobs.codes import ErrorCode
from jobs.model import NewJob
from jobs.states import UNFINISHED, JobState
from jobs.store import dialect
from jobs.store.counters import Deltas
from jobs.store.dialect import Insert, Sql

_Known = Row[*tuple[Any, ...]]


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows that have a job already, and the rows that have none."""

    kept: int
    changed: int
    rest: Sequence[NewJob]


def match(
    c: Connection, batch_id: str, revision: int, jobs: Sequence[NewJob], deltas: Deltas
) -> Matched:
    """Bring the jobs of earlier readings up to this one: same request kept, another run again.

    Only the first row with a custom_id meets its job; lines that cannot run meet none.
    """
    first: dict[str, NewJob] = {}
    for job in jobs:
        if job.error_code is None and job.custom_id is not None:
            first.setdefault(job.custom_id, job)
    known = _KNOWN(c, batch_id=batch_id, revision=revision, custom_ids=list(first)).all()
    pairs = [(row, first[row.custom_id]) for row in known]
    kept = [(row, job) for row, job in pairs if row.hash == job.hash]
    changed = [(row, job) for row, job in pairs if row.hash != job.hash]

    _keep(c, batch_id, revision, kept, deltas)
    _change(c, batch_id, revision, changed, deltas)
    met = {id(job) for _, job in pairs}
    rest = [job for job in jobs if id(job) not in met]
    return Matched(kept=len(kept), changed=len(changed), rest=rest)


def _keep(
    c: Connection,
    batch_id: str,
    revision: int,
    kept: list[tuple[_Known, NewJob]],
    deltas: Deltas,
) -> None:
    _SEEN(c, revision=revision, jobs=[(row.id, job.line, job.kind) for row, job in kept])
    _NEW_ROW(c, rows=[(row.id, job.row) for row, job in kept if row.row != job.row])
    for row, _ in kept:
        if row.revision == 0:
            deltas.move(batch_id, None, row.state)
            deltas.add(batch_id, "cut", row.cut)


def _change(
    c: Connection,
    batch_id: str,
    revision: int,
    changed: list[tuple[_Known, NewJob]],
    deltas: Deltas,
) -> None:
    if not changed:
        return
    code, now = ErrorCode.CANCELLED, dialect.now(c)
    message = f"{code.sentence} {code.way_out}"
    _RECORD(
        c,
        [
            (row.id, row.run, "cancelled", row.model, code.value, message, now)
            for row, _ in changed
            if row.state in UNFINISHED
        ],
    )
    _NEXT_RUN(
        c,
        revision=revision,
        jobs=[(row.id, job.line, job.kind, job.model, job.pool) for row, job in changed],
    )
    _NEW_REQUEST(c, requests=[(row.id, job.hash, job.body, job.row) for row, job in changed])
    for row, _ in changed:
        was = None if row.revision == 0 else row.state
        deltas.move(batch_id, was, JobState.PENDING.value)
        deltas.add(batch_id, "cut", 0 if row.revision == 0 else -row.cut)


_KNOWN = Sql(
    """
SELECT j.id, j.custom_id, j.state, j.run, j.revision, j.model, q.hash, q.row,
    CASE WHEN r.finish_reason = 'length' THEN 1 ELSE 0 END AS cut
FROM {custom_ids} AS i
    CROSS JOIN jobs AS j
    JOIN requests AS q ON q.job_id = j.id
    LEFT JOIN results AS r ON r.job_id = j.id AND r.run = j.run
WHERE j.batch_id = :batch_id AND j.custom_id = i.custom_id AND j.run > 0
    AND j.revision < :revision
ORDER BY j.id {lock}
""",
    custom_ids="custom_id",
)
_SEEN = Sql(
    """
UPDATE jobs SET line = s.line, kind = s.kind, revision = :revision
FROM {jobs} AS s WHERE jobs.id = s.id
""",
    jobs="id text, line integer, kind text",
)
_NEW_ROW = Sql(
    'UPDATE requests SET "row" = s.content FROM {rows} AS s WHERE job_id = s.id',
    rows="id text, content text",
)
_RECORD = Insert(
    "results",
    "job_id text, run integer, state text, model text, error_code text, error_message text,"
    " finished_at double precision",
)
_NEXT_RUN = Sql(
    """
UPDATE jobs SET line = s.line, kind = s.kind, model = s.model, pool = s.pool,
    revision = :revision, state = 'pending', run = run + 1, run_epoch = epoch, attempt = 0,
    errors = 0, crashes = 0, suspect = 0, not_before = 0, session = NULL, host = NULL,
    lease_until = NULL
FROM {jobs} AS s WHERE jobs.id = s.id
""",
    jobs="id text, line integer, kind text, model text, pool text",
)
_NEW_REQUEST = Sql(
    """
UPDATE requests SET hash = s.hash, body = s.body, "row" = s.content
FROM {requests} AS s WHERE job_id = s.id
""",
    requests="id text, hash text, body text, content text",
)
