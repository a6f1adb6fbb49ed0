"""Deadlines of batches: who nears his, and who has missed it.

A batch expires with what is in flight of it, in one short transaction; what waits follows page by
page, as where somebody cancels.
"""

import msgspec
from sqlalchemy import Connection

from jobs.states import BatchState
from jobs.store import actions, batches, ending, notices
from jobs.store.dialect import Sql
from jobs.store.notices import Event


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that is handed out and has a deadline."""

    batch_id: str
    #: Seconds until the deadline; less than 0 where it has passed.
    left_s: float
    #: Seconds from the making of the batch to its deadline.
    span_s: float
    #: As the dispatcher noted it last; 0 is not known.
    jobs_per_s: float


def due(c: Connection) -> list[Due]:
    """The batches that are handed out and have a deadline, the nearest first."""
    return [Due(**row._asdict()) for row in _DUE(c)]


def expire(c: Connection, batch_id: str, limit: int) -> int:
    """End a batch whose deadline has passed: what is in flight, and of what waits up to `limit`.

    How many jobs that were; `ending.end_more` ends the others. Does nothing where the batch is not
    open any more, has got another deadline, or has nothing left to do.
    """
    batches.lock(c, batch_id)
    if not _HAS_PASSED(c, batch_id=batch_id).scalar_one():
        return 0
    if not batches.counts(c, batch_id).unfinished:
        return 0
    _EXPIRE(c, batch_id=batch_id, state=BatchState.EXPIRED.value)
    expired = ending.end_more(c, batch_id, limit)
    actions.note(c, actions.BY_ITSELF, "expire", batch_id=batch_id)
    notices.note(c, [batch_id], Event.EXPIRED)
    return expired


# One whose input is read again goes on meanwhile.
_PARTS = {"handed_out": "(state = 'open' OR state = 'ingesting' AND revision > 1)"}
_DUE = Sql(
    """
SELECT id AS batch_id, deadline - {now} AS left_s, deadline - created_at AS span_s, jobs_per_s
FROM batches WHERE {handed_out} AND deadline IS NOT NULL ORDER BY deadline, id
""",
    _PARTS,
)
_HAS_PASSED = Sql(
    "SELECT count(*) FROM batches WHERE id = :batch_id AND {handed_out} AND deadline <= {now}",
    _PARTS,
)
_EXPIRE = Sql(
    "UPDATE batches SET state = :state, finished_at = {now}, paused_reason = NULL,"
    " paused_by = '', paused_until = NULL, jobs_per_s = 0,"
    " tokens_per_s = 0 WHERE id = :batch_id"
)
