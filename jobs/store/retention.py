"""Which batches have been over for so long that they may go."""

import msgspec
from sqlalchemy import Connection

from jobs.states import BatchState
from jobs.store import counters, deleting
from jobs.store.dialect import Sql


class Old(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that ended long ago."""

    id: str
    name: str
    state: BatchState
    #: Seconds since it ended.
    ended_s: float
    rows: int


def ended_before(c: Connection, age_s: float) -> list[Old]:
    """The batches that ended longer ago than so many seconds, the oldest first.

    None that is unfinished, however old, and none that is being deleted.
    """
    return [
        Old(
            id=row.id,
            name=row.name,
            state=BatchState(row.state),
            ended_s=row.ended_s,
            rows=counters.counts(c, row.id).total,
        )
        for row in _ENDED(c, age_s=age_s).all()
    ]


def hide(c: Connection, age_s: float) -> list[Old]:
    """Let nobody see these batches any more; which they are. What is left is to delete them."""
    old = []
    for batch in ended_before(c, age_s):
        # Looked at again under its lock: somebody may have opened it or deleted it meanwhile.
        if _LOCK_ENDED(c, batch_id=batch.id, age_s=age_s).one_or_none() is not None:
            deleting.hide(c, batch.id, is_forced=True)
            old.append(batch)
    return old


_PARTS = {
    "ended": "state IN ('completed', 'cancelled', 'expired', 'failed')"
    " AND finished_at < {now} - :age_s"
}
_ENDED = Sql(
    "SELECT id, name, state, {now} - finished_at AS ended_s FROM batches WHERE {ended}"
    " ORDER BY finished_at, id",
    _PARTS,
)
_LOCK_ENDED = Sql("SELECT j.id FROM batches AS j WHERE j.id = :batch_id AND {ended} {lock}", _PARTS)
