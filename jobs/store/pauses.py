"""Batches of which nothing is handed out for now, and why.

A pause is no state: the batch stays open, what runs of it ends as usual, and somebody has to look.
"""

from collections import Counter

from sqlalchemy import Connection

from jobs.states import JobState
from jobs.store import notices
from jobs.store.counters import Deltas
from jobs.store.dialect import Sql
from jobs.store.notices import Event


def pause(c: Connection, batch_id: str, reason: str) -> Counter[str] | None:
    """Hand out nothing more of an open batch until it is resumed.

    What nobody has claimed yet goes back to pending; how many jobs that were, by pool. Does
    nothing and returns None where the batch is not open or is paused already.
    """
    if not _PAUSE(c, batch_id=batch_id, reason=reason).rowcount:
        return None
    notices.note(c, [batch_id], Event.PAUSED)
    rows = _UNCLAIMED(c, batch_id=batch_id).all()
    if rows:
        _RECALL(c, ids=[row.id for row in rows])
    deltas = Deltas()
    deltas.move(batch_id, JobState.DISPATCHED, JobState.PENDING, len(rows))
    deltas.write(c)
    return Counter(row.pool for row in rows)


def go_on(c: Connection, batch_id: str) -> bool:
    """Let a paused batch be handed out again; False where it was not paused."""
    return _GO_ON(c, batch_id=batch_id).rowcount == 1


_PAUSE = Sql("""
UPDATE batches SET paused_reason = :reason
WHERE id = :batch_id AND state = 'open' AND paused_reason IS NULL
""")
_UNCLAIMED = Sql("""
SELECT j.id, j.pool FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'dispatched' AND {batch} = :batch_id
ORDER BY j.id {lock}
""")
_RECALL = Sql("UPDATE jobs SET state = 'pending' WHERE id IN {ids}", ids="id")
_GO_ON = Sql("""
UPDATE batches SET paused_reason = NULL WHERE id = :batch_id AND paused_reason IS NOT NULL
""")
