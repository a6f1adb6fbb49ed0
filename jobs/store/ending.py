"""Batches and jobs are cancelled before their time.

Nobody begins anything of a batch that has ended, and workers break off what runs at their next
heartbeat. What waits gets its record page by page, so that others get to write; whoever is
stopped in the middle leaves the rest to the dispatcher.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from jobs.codes import ErrorCode
from jobs.errors import UsageError
from jobs.ids import JOB_PREFIX
from jobs.states import BatchState, JobState
from jobs.store import batches
from jobs.store.dialect import Sql
from jobs.store.terminal import end_job, end_page

#: As many as there are.
ALL = 2**31 - 1


class Job(NamedTuple):
    """A job as its owner may name it."""

    id: str
    batch_id: str
    #: Its state before it was ended.
    state: JobState


def cancel(c: Connection, batch_id: str, limit: int = ALL) -> int:
    """Cancel a batch, what is in flight of it, and of what waits up to `limit`; how many ended.

    Where that are `limit` or more, `end_more` ends the others. A batch that is over stays as it
    is.
    """
    if not batches.lock(c, batch_id).is_over:
        _END(c, batch_id=batch_id, state=BatchState.CANCELLED.value)
    return end_more(c, batch_id, limit)


def end_more(c: Connection, batch_id: str, limit: int) -> int:
    """End more of what still waits in a batch that was cancelled or has expired; how many.

    Fewer than `limit`: none is left, or somebody has opened it again.
    """
    state = batches.lock(c, batch_id)
    return end_page(c, batch_id, *_ENDS[state], limit) if state in _ENDS else 0


def half_ended(c: Connection) -> list[str]:
    """The batches that were cancelled or have expired, and in which something still waits."""
    return list(_HALF_ENDED(c).scalars())


def cancel_job(c: Connection, job_id: str) -> bool:
    """Cancel one job; False where it was over already."""
    return end_job(c, job_id, JobState.CANCELLED, ErrorCode.CANCELLED)


def find_job(c: Connection, word: str) -> Job:
    """The one job whose id begins like this. Raises `UsageError` where there is none, or more."""
    # The next letter after the last digit: ids are hexadecimal.
    found = _FIND_JOB(c, word=word, beyond=f"{word}g").all()
    if not found:
        raise UsageError(f"There is no job `{word}`. The log of its worker names its id.")
    if len(found) > 1 or word == JOB_PREFIX:
        raise UsageError(f"More than one job begins with `{word}`: give more of its id.")
    return _job(found[0])


def find_row(c: Connection, batch_id: str, custom_id: str) -> Job:
    """The job of a row, by its `custom_id`. Raises `UsageError` where there is none."""
    found = _FIND_ROW(c, batch_id=batch_id, custom_id=custom_id).one_or_none()
    if found is None:
        raise UsageError(
            f"{batch_id} has no row `{custom_id}`. Where the input gives no custom_id, a row is"
            " known by its line: row-17."
        )
    return _job(found)


def _job(row: Row[*tuple[Any, ...]]) -> Job:
    return Job(row.id, row.batch_id, JobState(row.state))


_ENDS = {
    BatchState.CANCELLED: (JobState.CANCELLED, ErrorCode.CANCELLED),
    BatchState.EXPIRED: (JobState.EXPIRED, ErrorCode.EXPIRED),
}
_END = Sql(
    "UPDATE batches SET state = :state, finished_at = {now}, paused_reason = NULL,"
    " paused_by = '', paused_until = NULL WHERE id = :batch_id"
)
_HALF_ENDED = Sql("""
SELECT b.id FROM batches AS b
WHERE b.state IN ('cancelled', 'expired') AND (
    EXISTS (SELECT 1 FROM jobs AS p WHERE p.batch_id = b.id AND p.state = 'pending')
    OR b.id IN (SELECT j.batch_id FROM {jobs_in_flight} WHERE {in_flight})
)
ORDER BY b.id
""")
_FIND_JOB = Sql(
    "SELECT id, batch_id, state FROM jobs WHERE id >= :word AND id < :beyond ORDER BY id LIMIT 2"
)
_FIND_ROW = Sql("""
SELECT id, batch_id, state FROM jobs
WHERE batch_id = :batch_id AND custom_id = :custom_id AND run > 0 AND revision > 0
""")
