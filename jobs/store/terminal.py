"""What is done to many jobs of a batch at once: ending them, opening their next run, leaving.

The caller holds the batch's row, so that only one of these works on a batch at a time.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from jobs.codes import ErrorCode
from jobs.states import JobState
from jobs.store.counters import Deltas
from jobs.store.dialect import Sql


def end_page(c: Connection, batch_id: str, state: JobState, code: ErrorCode, limit: int) -> int:
    """Give unfinished jobs of a batch that has ended their terminal record; how many.

    All that are dispatched or running, so that their workers break off at the next heartbeat, and
    of the others as many as make up the limit. Fewer than `limit`: none is left.
    """
    ended = 0
    deltas = Deltas()
    while ended < limit:
        wanted = limit - ended
        found = [*_IN_FLIGHT(c, batch_id=batch_id).scalars()]
        found += _PENDING(c, batch_id=batch_id, limit=max(0, wanted - len(found))).scalars()
        # Some may have ended since, and none is left out because it was just handed out.
        states = _LOCK_UNFINISHED_OF(c, ids=found).all()
        _end_these(c, [row.id for row in states], state, code)
        for row in states:
            deltas.move(batch_id, row.state, state.value)
        ended += len(states)
        if len(found) < wanted:
            break
    deltas.write(c)
    return ended


def end_job(c: Connection, job_id: str, state: JobState, code: ErrorCode) -> bool:
    """Give one job its terminal record; False where it was over already."""
    locked = _LOCK_UNFINISHED_OF(c, ids=[job_id]).one_or_none()
    if locked is None:
        return False
    _end_these(c, [job_id], state, code)
    deltas = Deltas()
    deltas.move(locked.batch_id, locked.state, state.value)
    deltas.write(c)
    return True


def open_next_run_of(c: Connection, batch_id: str, job_ids: Sequence[str]) -> None:
    """Put those of these jobs of a batch that ended without an answer back to pending, one run
    further.
    """
    ended = _LOCK_ENDED(c, ids=job_ids).all()
    _NEXT_RUN_OF(c, ids=[row.id for row in ended])
    deltas = Deltas()
    for row in ended:
        deltas.move(batch_id, row.state, JobState.PENDING.value)
    deltas.write(c)


def leave(c: Connection, batch_id: str, job_ids: Sequence[str]) -> None:
    """Take these jobs out of their batch; what of them is unfinished is cancelled.

    The rows stay in the store, so that one that comes back still has its answer; but for lines
    that could not be read.
    """
    deltas = Deltas()
    unfinished = _LOCK_UNFINISHED_OF(c, ids=job_ids).all()
    _end_these(c, [row.id for row in unfinished], JobState.CANCELLED, ErrorCode.CANCELLED)
    for row in unfinished:
        deltas.move(batch_id, row.state, JobState.CANCELLED.value)
    for state, jobs, cut in _LEAVING(c, ids=job_ids):
        deltas.move(batch_id, state, None, jobs)
        deltas.add(batch_id, "cut", -cut)
    deltas.write(c)
    for statement in _LEAVE:
        statement(c, ids=job_ids)


def _end_these(c: Connection, ids: Sequence[str], state: JobState, code: ErrorCode) -> None:
    if ids:
        _RECORD_THESE(c, ids=ids, **_record(state, code))
        _END_THESE(c, ids=ids, state=state.value)


def _record(state: JobState, code: ErrorCode) -> dict[str, str]:
    return {
        "state": state.value,
        "code": code.value,
        "message": f"{code.sentence} {code.way_out}",
    }


_IN_FLIGHT = Sql("SELECT j.id FROM {jobs_in_flight} WHERE {in_flight} AND {batch} = :batch_id")
_PENDING = Sql(
    "SELECT j.id FROM jobs AS j WHERE j.batch_id = :batch_id AND j.state = 'pending' LIMIT :limit"
)
_LOCK_UNFINISHED_OF = Sql(
    """
SELECT j.id, j.batch_id, j.state FROM jobs AS j
WHERE j.id IN {ids} AND {state} IN ('pending', 'dispatched', 'running') ORDER BY j.id {lock}
""",
    ids="id",
)
_RECORD_THESE = Sql(
    """
INSERT INTO results (job_id, run, state, model, error_code, error_message, finished_at)
SELECT id, run, :state, model, :code, :message, {now} FROM jobs WHERE id IN {ids}
""",
    ids="id",
)
_END_THESE = Sql(
    "UPDATE jobs SET state = :state, session = NULL, lease_until = NULL WHERE id IN {ids}", ids="id"
)
_LOCK_ENDED = Sql(
    """
SELECT j.id, j.state FROM jobs AS j
WHERE j.id IN {ids} AND {state} IN ('failed', 'cancelled', 'expired') AND j.revision > 0
ORDER BY j.id {lock}
""",
    ids="id",
)
_NEXT_RUN_OF = Sql(
    """
UPDATE jobs SET state = 'pending', run = run + 1, run_epoch = epoch, attempt = 0, errors = 0,
    crashes = 0, suspect = 0, not_before = 0, session = NULL, host = NULL, lease_until = NULL
WHERE id IN {ids}
""",
    ids="id",
)
_LEAVING = Sql(
    """
SELECT j.state, count(*), sum(CASE WHEN r.finish_reason = 'length' THEN 1 ELSE 0 END)
FROM jobs AS j LEFT JOIN results AS r ON r.job_id = j.id AND r.run = j.run
WHERE j.id IN {ids} GROUP BY j.state
""",
    ids="id",
)
_UNREADABLE = {"unreadable": "SELECT id FROM jobs WHERE id IN {ids} AND run = 0"}
_LEAVE = (
    Sql("DELETE FROM results WHERE job_id IN ({unreadable})", _UNREADABLE, ids="id"),
    Sql("DELETE FROM requests WHERE job_id IN ({unreadable})", _UNREADABLE, ids="id"),
    Sql("DELETE FROM jobs WHERE id IN {ids} AND run = 0", ids="id"),
    Sql("UPDATE jobs SET revision = 0 WHERE id IN {ids}", ids="id"),
)
