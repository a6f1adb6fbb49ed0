"""How many jobs of a batch are in each state, kept as deltas so that nobody waits for anybody."""

from collections import defaultdict

from sqlalchemy import Connection

from jobs.model import Counts
from jobs.store.dialect import Insert, Sql

FIELDS = Counts.__struct_fields__
_LIST = ", ".join(FIELDS)
_SUMS = ", ".join(f"CAST(coalesce(sum({field}), 0) AS bigint)" for field in FIELDS)


class Deltas:
    """What one transaction changes in the counts of its batches; written once, by `write`."""

    def __init__(self) -> None:
        self._changes: defaultdict[tuple[str, str], int] = defaultdict(int)

    def move(self, batch_id: str, old: str | None, new: str | None, jobs: int = 1) -> None:
        """Jobs went from one state to another; None where they came in or left."""
        if old is not None:
            self._changes[batch_id, old] -= jobs
        if new is not None:
            self._changes[batch_id, new] += jobs

    def add(self, batch_id: str, field: str, amount: int) -> None:
        """Any other field grew by this much."""
        self._changes[batch_id, field] += amount

    def write(self, c: Connection) -> None:
        """Append what changed: one row for each batch."""
        changed = {batch_id for (batch_id, _), amount in self._changes.items() if amount}
        rows = [
            (batch_id, *(self._changes[batch_id, field] for field in FIELDS))
            for batch_id in sorted(changed)
        ]
        _APPEND(c, rows)


def counts(c: Connection, batch_id: str) -> Counts:
    """The counts of a batch, from the deltas; all zero for a batch that is not there."""
    row = _COUNTS(c, batch_id=batch_id).one()
    return Counts(**dict(zip(FIELDS, row, strict=True)))


def fold(c: Connection, limit: int = 5_000) -> int:
    """Merge the deltas of each batch, `limit` at a time; how many rows fewer there are now.

    Safe beside others that append: only rows that were taken out are added up.
    """
    taken = _TAKE(c, limit=limit).all()
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(FIELDS))
    for batch_id, *amounts in taken:
        sums[batch_id] = [a + b for a, b in zip(sums[batch_id], amounts, strict=True)]
    _APPEND(c, [(batch_id, *amounts) for batch_id, amounts in sums.items()])
    return len(taken) - len(sums)


def clear(c: Connection, batch_id: str) -> None:
    """Forget the counts of a batch."""
    _CLEAR(c, batch_id=batch_id)


_APPEND = Insert("counters", "batch_id text, " + ", ".join(f"{field} bigint" for field in FIELDS))
_COUNTS = Sql(f"SELECT {_SUMS} FROM counters WHERE batch_id = :batch_id")  # noqa: S608
_TAKE = Sql(
    # Not a plain subselect: Postgres may run one again for each row, and its LIMIT with it.
    "WITH taken AS ("  # noqa: S608  (our own column names)
    "SELECT j.id FROM counters AS j WHERE j.batch_id IN ("
    "SELECT batch_id FROM counters GROUP BY batch_id HAVING count(*) > 1)"
    " ORDER BY j.id LIMIT :limit {skip_locked})"
    " DELETE FROM counters WHERE id IN (SELECT id FROM taken)"
    f" RETURNING batch_id, {_LIST}"
)
_CLEAR = Sql("DELETE FROM counters WHERE batch_id = :batch_id")
