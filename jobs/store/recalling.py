"""What was handed out of a batch and nobody has claimed yet is taken back."""

from collections import Counter

from sqlalchemy import Connection

from jobs.states import JobState
from jobs.store.counters import Deltas
from jobs.store.dialect import Sql


def recall(c: Connection, batch_id: str) -> Counter[str]:
    """Put what nobody has claimed yet of a batch back to pending; how many jobs, by pool."""
    rows = _UNCLAIMED(c, batch_id=batch_id).all()
    if rows:
        _RECALL(c, ids=[row.id for row in rows])
    deltas = Deltas()
    deltas.move(batch_id, JobState.DISPATCHED, JobState.PENDING, len(rows))
    deltas.write(c)
    return Counter(row.pool for row in rows)


_UNCLAIMED = Sql("""
SELECT j.id, j.pool FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'dispatched' AND {batch} = :batch_id
ORDER BY j.id {lock}
""")
_RECALL = Sql("UPDATE jobs SET state = 'pending' WHERE id IN {ids}", ids="id")
