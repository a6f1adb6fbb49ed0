"""What is done to many jobs of a batch at once: ending them, opening their next run, leaving.

The caller holds the batch's row, so that only one of these works on a batch at a time.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from jobs.codes import ErrorCode
from jobs.states import JobState
from jobs.store.counters import Deltas
from jobs.store.dialect import Sql

_ANY_REVISION = 2**31 - 1


def end_unfinished(
    c: Connection,
    batch_id: str,
    state: JobState,
    code: ErrorCode,
    before_revision: int = _ANY_REVISION,
) -> int:
    """Give every unfinished job its terminal record; how many there were.

    With `before_revision` only those whose row was last seen in an earlier reading.
    """
    chosen = {"batch_id": batch_id, "before": before_revision}
    by_state = _LOCK_UNFINISHED(c, **chosen).all()
    if not by_state:
        return 0
    _RECORD_UNFINISHED(c, **chosen, **_record(state, code))
    _END_UNFINISHED(c, **chosen, state=state.value)
    deltas = Deltas()
    for old, jobs in by_state:
        deltas.move(batch_id, old, state.value, jobs)
    deltas.write(c)
    return sum(jobs for _, jobs in by_state)


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


def open_next_run(c: Connection, batch_id: str, states: Sequence[JobState]) -> int:
    """Put jobs in these terminal states back to pending, one run further; how many.

    Lines that could not be read (run 0) and rows that left the input stay as they are.
    """
    deltas = Deltas()
    reopened = 0
    for state in states:
        jobs = _NEXT_RUN(c, batch_id=batch_id, state=state.value).rowcount
        deltas.move(batch_id, state.value, JobState.PENDING.value, jobs)
        reopened += jobs
    deltas.write(c)
    return reopened


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


def leave(c: Connection, batch_id: str, revision: int) -> None:
    """Take out of the batch what its input no longer has at this revision.

    The rows stay in the store, so that a row that comes back still has its answer.
    """
    end_unfinished(c, batch_id, JobState.CANCELLED, ErrorCode.CANCELLED, revision)
    deltas = Deltas()
    for state, jobs, cut in _LEAVING(c, batch_id=batch_id, before=revision):
        deltas.move(batch_id, state, None, jobs)
        deltas.add(batch_id, "cut", -cut)
    deltas.write(c)
    _LEAVE(c, batch_id=batch_id, before=revision)
    for statement in (_DROP_UNREADABLE_RESULTS, _DROP_UNREADABLE_REQUESTS, _DROP_UNREADABLE):
        statement(c, batch_id=batch_id)


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


_PARTS = {
    "record": "INSERT INTO results (job_id, run, state, model, error_code, error_message,"
    " finished_at) SELECT id, run, :state, model, :code, :message, {now} FROM jobs",
    "end": "UPDATE jobs SET state = :state, session = NULL, lease_until = NULL",
    "unfinished": "batch_id = :batch_id AND state IN ('pending', 'dispatched', 'running')"
    " AND revision > 0 AND revision < :before",
    "gone": "batch_id = :batch_id AND revision > 0 AND revision < :before",
    "next_run": "UPDATE jobs SET state = 'pending', run = run + 1, run_epoch = epoch, attempt = 0,"
    " errors = 0, crashes = 0, suspect = 0, not_before = 0, session = NULL, host = NULL,"
    " lease_until = NULL",
    "unreadable": "batch_id = :batch_id AND revision = 0 AND run = 0",
}
_LOCK_UNFINISHED = Sql(
    """
SELECT state, count(*) FROM (
    SELECT j.state FROM jobs AS j WHERE {unfinished} ORDER BY j.id {lock}
) AS held GROUP BY state
""",
    _PARTS,
)
_RECORD_UNFINISHED = Sql("{record} WHERE {unfinished}", _PARTS)
_END_UNFINISHED = Sql("{end} WHERE {unfinished}", _PARTS)
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
_RECORD_THESE = Sql("{record} WHERE id IN {ids}", _PARTS, ids="id")
_END_THESE = Sql("{end} WHERE id IN {ids}", _PARTS, ids="id")
_NEXT_RUN = Sql(
    """
{next_run} WHERE id IN (
    SELECT j.id FROM jobs AS j
    WHERE j.batch_id = :batch_id AND j.state = :state AND j.run > 0 AND j.revision > 0
    ORDER BY j.id {lock}
)
""",
    _PARTS,
)
_LOCK_ENDED = Sql(
    """
SELECT j.id, j.state FROM jobs AS j
WHERE j.id IN {ids} AND {state} IN ('failed', 'cancelled', 'expired') ORDER BY j.id {lock}
""",
    ids="id",
)
_NEXT_RUN_OF = Sql("{next_run} WHERE id IN {ids}", _PARTS, ids="id")
_LEAVING = Sql(
    """
SELECT j.state, count(*), sum(CASE WHEN r.finish_reason = 'length' THEN 1 ELSE 0 END)
FROM jobs AS j LEFT JOIN results AS r ON r.job_id = j.id AND r.run = j.run
WHERE {gone} GROUP BY j.state
""",
    _PARTS,
)
_LEAVE = Sql("UPDATE jobs SET revision = 0 WHERE {gone}", _PARTS)
_DROP_UNREADABLE = Sql("DELETE FROM jobs WHERE {unreadable}", _PARTS)
_DROP_UNREADABLE_RESULTS = Sql(
    "DELETE FROM results WHERE job_id IN (SELECT id FROM jobs WHERE {unreadable})", _PARTS
)
_DROP_UNREADABLE_REQUESTS = Sql(
    "DELETE FROM requests WHERE job_id IN (SELECT id FROM jobs WHERE {unreadable})", _PARTS
)
