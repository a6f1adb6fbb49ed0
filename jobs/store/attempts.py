"""What hosts tried for a batch, summed up for its history."""

import msgspec
from sqlalchemy import Connection

from jobs.store.dialect import Sql


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts of one host with one model that ended alike."""

    host: str
    model: str
    #: `succeeded`, `failed`, `error` (comes again), `handed_back`, `lost` or `late`.
    outcome: str
    #: How many.
    attempts: int
    #: When the first began and the last ended, in seconds since the epoch.
    first_at: float
    last_at: float
    output_tokens: int


def of_batch(c: Connection, batch_id: str) -> list[Tried]:
    """The attempts of a batch, in the order in which hosts began. Reads all of them."""
    rows = _OF_BATCH(c, batch_id=batch_id)
    return [msgspec.convert(row._asdict(), Tried) for row in rows]


_OF_BATCH = Sql("""
SELECT a.host, a.model, a.outcome, count(*) AS attempts, min(a.started_at) AS first_at,
    max(a.ended_at) AS last_at, CAST(sum(a.output_tokens) AS bigint) AS output_tokens
FROM jobs AS j JOIN attempts AS a ON a.job_id = j.id
WHERE j.batch_id = :batch_id
GROUP BY a.host, a.model, a.outcome ORDER BY min(a.started_at), a.host, a.outcome
""")
