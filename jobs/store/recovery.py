"""Jobs whose holder is gone go back to pending, and the attempt that was lost is written down."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from jobs.codes import ErrorCode
from jobs.states import JobState
from jobs.store.counters import Deltas
from jobs.store.dialect import Insert, Sql

_Row = Row[*tuple[Any, ...]]

#: What `hand_back` must know of a running job, from the table alias `j`.
RUNNING_COLUMNS = """
j.id, j.batch_id, j.run, j.attempt, j.epoch, j.session, j.host, j.pool, j.model, j.started_at,
j.crashes, j.suspect, {now} AS now
"""

#: An attempt that was given up for lost may report after all: then this is how it ended.
ATTEMPTS = Insert(
    "attempts",
    "job_id text, run integer, attempt integer, epoch integer, session text, host text,"
    " pool text, model text, started_at double precision, ended_at double precision,"
    " outcome text, error_code text, input_tokens integer, output_tokens integer",
    tail="ON CONFLICT (job_id, run, attempt) DO UPDATE SET ended_at = excluded.ended_at,"
    " outcome = excluded.outcome, error_code = excluded.error_code,"
    " input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens"
    " WHERE attempts.outcome = 'lost'",
)


def hand_back(c: Connection, rows: Sequence[_Row], *, suspect: bool = False) -> int:
    """Put running jobs, locked by the caller, back to pending; how many.

    `suspect`: one of them may be why their holder died; they will run one at a time.
    """
    if not rows:
        return 0
    ATTEMPTS(c, [_lost(row) for row in rows])
    _HAND_BACK(c, ids=[row.id for row in rows], suspect=int(suspect))
    deltas = Deltas()
    for row in rows:
        deltas.move(row.batch_id, JobState.RUNNING, JobState.PENDING)
    deltas.write(c)
    return len(rows)


def had_it_to_itself(c: Connection, row: _Row) -> bool:
    """Whether the only running job of a session was the only one that it can have worked on.

    Others may have ended or gone elsewhere a moment before, and the session not have heard of it
    yet. But it claims a suspect only when nothing else is in its hands, and nothing beside it. An
    attempt that was given up once and taken back by a heartbeat tells nothing: it may have begun
    before the job was a suspect.
    """
    if not row.suspect:
        return False
    given_up = _WAS_GIVEN_UP(c, id=row.id, run=row.run, attempt=row.attempt)
    return not given_up.scalar_one()


def charge(c: Connection, row: _Row, max_crashes: int) -> None:
    """A running job had its holder to itself when that died: it is to blame, and fails when it
    was so `max_crashes` times; else it goes back to pending.
    """
    _CHARGE(c, id=row.id)
    if row.crashes + 1 < max_crashes:
        hand_back(c, [row], suspect=True)
        return
    code = ErrorCode.POISON
    ATTEMPTS(c, [_lost(row)])
    _POISON(c, id=row.id)
    _POISON_RESULT(c, id=row.id, code=code.value, message=f"{code.sentence} {code.way_out}")
    deltas = Deltas()
    deltas.move(row.batch_id, JobState.RUNNING, JobState.FAILED)
    deltas.write(c)


def _lost(row: _Row) -> tuple[Any, ...]:
    """The attempt as far as the store knows it."""
    return (
        row.id,
        row.run,
        row.attempt,
        row.epoch,
        row.session,
        row.host,
        row.pool,
        row.model,
        row.started_at,
        row.now,
        "lost",
        None,
        0,
        0,
    )


_HAND_BACK = Sql(
    """
UPDATE jobs SET state = 'pending', session = NULL, lease_until = NULL,
    suspect = CASE WHEN :suspect = 1 THEN 1 ELSE suspect END
WHERE id IN {ids}
""",
    ids="id",
)
_WAS_GIVEN_UP = Sql(
    "SELECT count(*) FROM attempts WHERE job_id = :id AND run = :run AND attempt = :attempt"
)
_CHARGE = Sql("UPDATE jobs SET crashes = crashes + 1 WHERE id = :id")
_POISON = Sql("UPDATE jobs SET state = 'failed', session = NULL, lease_until = NULL WHERE id = :id")
_POISON_RESULT = Sql("""
INSERT INTO results (job_id, run, state, model, error_code, error_message, finished_at)
SELECT id, run, 'failed', model, :code, :message, {now} FROM jobs WHERE id = :id
""")
