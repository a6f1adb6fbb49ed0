"""What pools did over time: tallied when it is recorded, sampled by the dispatcher, for charts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection

from jobs.model import Outcome
from jobs.store.dialect import Insert, Sql, now

#: Seconds between two samples of a pool.
EVERY_S = 5.0
#: Seconds for which samples are kept.
KEPT_S = 24 * 3600.0


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """The samples of a pool in one stretch of time, put together."""

    pool: str
    #: When its first and its last sample were taken, by the store's clock.
    first_at: float
    last_at: float
    #: Jobs that ended, and tokens read and made, in the seconds that the samples cover.
    jobs: int
    input_tokens: int
    output_tokens: int
    #: Means over the samples: jobs that ran, and jobs that waited.
    running: float
    queued: float


def tally(c: Connection, outcomes: Iterable[Outcome]) -> None:
    """Note what was just recorded, for the next sample of its pool."""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for o in outcomes:
        added = (int(o.state.is_terminal), o.input_tokens, o.output_tokens)
        sums[o.pool] = [a + b for a, b in zip(sums[o.pool], added, strict=True)]
    _TALLY(c, [(pool, *amounts) for pool, amounts in sorted(sums.items()) if any(amounts)])


def skip(c: Connection) -> None:
    """Forget what was tallied so far: nobody knows how long ago that was."""
    _TAKE(c)


def sample(c: Connection, running: Mapping[str, int]) -> None:
    """One sample of each pool that lives (`running` has its jobs that run), worked, or is waited
    for; samples that are too old go.

    What waits counts to the pool of its batch, also where single rows name another one: only so
    can it be told without looking at them.
    """
    worked: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for pool, *amounts in _TAKE(c):
        worked[pool] = [a + b for a, b in zip(worked[pool], amounts, strict=True)]
    queued = waiting(c)
    at = now(c)
    _KEEP(
        c,
        [
            (pool, at, *worked[pool], running.get(pool, 0), queued.get(pool, 0))
            for pool in sorted({*running, *queued, *worked})
        ],
    )
    _FORGET(c, before=at - KEPT_S)


def waiting(c: Connection) -> dict[str, int]:
    """How many jobs wait in open batches, by the pool of the batch; only pools with any."""
    return {pool: max(0, int(jobs)) for pool, jobs in _WAITING(c) if jobs > 0}


def since(c: Connection, start: float, width_s: float) -> list[Stretch]:
    """The samples after `start`, put together in stretches of `width_s`, by pool and time."""
    rows = _SINCE(c, start=start, width=width_s)
    return [msgspec.convert(row._asdict(), Stretch) for row in rows]


_TALLY = Insert("tallies", "pool text, jobs integer, input_tokens integer, output_tokens integer")
_TAKE = Sql("DELETE FROM tallies RETURNING pool, jobs, input_tokens, output_tokens")
_KEEP = Insert(
    "samples",
    "pool text, at double precision, jobs integer, input_tokens integer, output_tokens integer,"
    " running integer, queued integer",
    # Two in one millisecond are one.
    "ON CONFLICT (pool, at) DO UPDATE SET jobs = samples.jobs + excluded.jobs,"
    " input_tokens = samples.input_tokens + excluded.input_tokens,"
    " output_tokens = samples.output_tokens + excluded.output_tokens",
)
_WAITING = Sql("""
SELECT b.pool, CAST(sum(n.pending + n.dispatched) AS bigint)
FROM batches AS b JOIN counters AS n ON n.batch_id = b.id
WHERE b.state = 'open' GROUP BY b.pool
""")
_PARTS = {
    # Hops from name to name: the pools are few and the samples many.
    "known_pools": """(
    WITH RECURSIVE known(pool) AS (
        SELECT min(a.pool) FROM samples AS a
        UNION ALL
        SELECT (SELECT min(b.pool) FROM samples AS b WHERE b.pool > known.pool)
        FROM known WHERE known.pool IS NOT NULL
    ) SELECT pool FROM known WHERE pool IS NOT NULL
)"""
}
_FORGET = Sql("DELETE FROM samples WHERE pool IN {known_pools} AND at < :before", _PARTS)
_SINCE = Sql(
    """
SELECT s.pool, min(s.at) AS first_at, max(s.at) AS last_at,
    CAST(sum(s.jobs) AS bigint) AS jobs, CAST(sum(s.input_tokens) AS bigint) AS input_tokens,
    CAST(sum(s.output_tokens) AS bigint) AS output_tokens,
    CAST(avg(s.running) AS double precision) AS running,
    CAST(avg(s.queued) AS double precision) AS queued
FROM samples AS s WHERE s.pool IN {known_pools} AND s.at > :start
GROUP BY s.pool, round(s.at / :width - 0.5)
ORDER BY s.pool, first_at
""",
    _PARTS,
)
