"""How the batches of each pool stand: what they have in flight there, and whether more waits."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence

import msgspec
from sqlalchemy import Connection

from jobs.store.dialect import Sql
from jobs.store.ranking import Contender


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The batches that one pool works for, or could."""

    contenders: tuple[Contender, ...] = ()
    #: Whether nothing at all is in flight in the pool.
    is_empty: bool = True
    #: Whether a suspect is in flight: nothing may be put beside it.
    is_testing: bool = False


def standings(
    c: Connection,
    pools: Sequence[str],
    urgent: Collection[str] = (),
    turn_of: Callable[[str], int] = lambda _batch_id: 0,
) -> dict[str, Standing]:
    """How the batches stand in each of these pools.

    A batch whose input is being read again goes on meanwhile; one that is paused or whose deadline
    has passed does not. `urgent` are the ids of those whose deadline is near, and `turn_of`
    says when a batch was served last: the lowest is longest ago.
    """
    busy = {(row.pool, row.batch_id): row for row in _BUSY(c)}
    in_flight: Counter[str] = Counter()
    for (_, batch_id), row in busy.items():
        in_flight[batch_id] += row.dispatched + row.running
    found: dict[str, list[Contender]] = {pool: [] for pool in pools}
    for row in _OPEN(c, pools=pools, busy=list(in_flight)):
        held = busy.get((row.pool, row.id))
        limit = row.max_running
        found[row.pool].append(
            Contender(
                batch_id=row.id,
                priority=row.priority,
                is_urgent=row.id in urgent,
                dispatched=0 if held is None else held.dispatched,
                running=0 if held is None else held.running,
                allowance=None if limit is None else limit - in_flight[row.id],
                is_waiting=bool(row.is_waiting),
                has_suspects=bool(row.has_suspects),
                turn=turn_of(row.id),
                created_at=row.created_at,
            )
        )
    of_pool = {pool: [row for (name, _), row in busy.items() if name == pool] for pool in pools}
    return {
        pool: Standing(
            contenders=tuple(found[pool]),
            is_empty=not of_pool[pool],
            is_testing=any(row.suspects for row in of_pool[pool]),
        )
        for pool in pools
    }


#: Of a batch `b`: whether its jobs may be handed out.
SERVED = """
(b.state = 'open' OR b.state = 'ingesting' AND b.revision > 1) AND b.paused_reason IS NULL
    AND (b.deadline IS NULL OR b.deadline > {now})
"""
_PARTS = {
    "served": SERVED,
    "due": "j.batch_id = b.id AND j.pool = p.name AND j.state = 'pending'",
    "now_due": "j.not_before <= {now}",
}
_BUSY = Sql("""
SELECT j.pool, j.batch_id, sum(CASE WHEN j.state = 'dispatched' THEN 1 ELSE 0 END) AS dispatched,
    sum(CASE WHEN j.state = 'running' THEN 1 ELSE 0 END) AS running, sum(j.suspect) AS suspects
FROM {jobs_in_flight} WHERE {in_flight} GROUP BY j.pool, j.batch_id
""")
_OPEN = Sql(
    """
WITH standing AS MATERIALIZED (
    SELECT p.name AS pool, b.id, b.priority, b.max_running, b.created_at,
        EXISTS (SELECT 1 FROM jobs AS j WHERE {due} AND j.suspect = 0 AND {now_due}) AS is_waiting,
        EXISTS (SELECT 1 FROM jobs AS j WHERE {due} AND j.suspect = 1 AND {now_due})
            AS has_suspects
    FROM {pools} AS p CROSS JOIN batches AS b
    WHERE {served}
)
SELECT * FROM standing WHERE is_waiting OR has_suspects OR id IN {busy}
""",
    _PARTS,
    pools="name",
    busy="id",
)
