"""How quickly earlier batches ran, to guess how long the next one takes."""

from sqlalchemy import Connection

from jobs.store.dialect import Sql

#: Batches that are looked at.
LATEST = 3


def rates(c: Connection, model: str) -> list[float]:
    """Rows a second of the latest batches of which this model answered rows, newest first.

    Reads all jobs of these batches.
    """
    found = []
    for batch_id in _LATEST_BATCHES(c, model=model, limit=LATEST).scalars().all():
        rows, seconds = _RATE(c, batch_id=batch_id, model=model).one()
        if rows and seconds > 0:
            found.append(rows / seconds)
    return found


_LATEST_BATCHES = Sql(
    "SELECT id FROM batches WHERE model = :model ORDER BY created_at DESC, id DESC LIMIT :limit"
)
_RATE = Sql("""
SELECT count(*), coalesce(max(r.finished_at) - min(j.started_at), 0)
FROM jobs AS j JOIN results AS r ON r.job_id = j.id AND r.run = j.run
WHERE j.batch_id = :batch_id AND j.state = 'succeeded' AND j.model = :model
""")
