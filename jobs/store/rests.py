"""Pools that let their machines rest: somebody paused them, or it is not one of their hours.

A pause is the row of the pool, which each of its hosts reads every second. Hours are for each host
to judge, by the clock of its own machine; it says so in its row of `hosts`.
"""

import math
from collections.abc import Mapping

from sqlalchemy import Connection

from jobs.store import dispatch, hosts
from jobs.store.dialect import Sql
from jobs.store.hosts import Rest


def pause(c: Connection, pool: str, reason: str, for_s: float | None = None) -> int:
    """Let a pool rest, for so many seconds or until it is resumed, instead of what was said before.

    What nobody has claimed yet goes back to pending; how many jobs that were.
    """
    _PAUSE(c, pool=pool, reason=reason, for_s=for_s)
    return dispatch.recall_dispatched(c, pool)


def go_on(c: Connection, pool: str) -> bool:
    """Let a paused pool work again; False where it was not paused."""
    return _GO_ON(c, pool=pool).rowcount == 1


def pause_of(c: Connection, pool: str) -> Rest | None:
    """The pause of a pool, while it lasts."""
    row = _PAUSE_OF(c, pool=pool).one_or_none()
    return None if row is None else _rest(*row)


def paused(c: Connection) -> dict[str, Rest]:
    """The pools that are paused now, by name."""
    return {name: _rest(*rest) for name, *rest in _PAUSED(c)}


def of_pools(c: Connection) -> dict[str, Rest]:
    """The pools that rest, by name: each is paused, or all of its living hosts rest."""
    by_pool: dict[str, list[Rest | None]] = {}
    for host in hosts.living(c):
        by_pool.setdefault(host.pool, []).append(host.rest)
    return _together(by_pool, paused(c))


def is_any_due(c: Connection) -> bool:
    """Whether the pause of a pool is over and still written down."""
    return bool(_IS_ANY_DUE(c).scalar_one())


def end_due(c: Connection) -> list[str]:
    """Let pools work again that were paused until now; which those are."""
    return sorted(_END_DUE(c).scalars())


def recall(c: Connection) -> int:
    """What was handed to pools that rest, and nobody has claimed, goes back to pending; how many.

    Their messages then find nothing when the rest is over.
    """
    resting = of_pools(c)
    handed = [pool for pool in _HANDED(c).scalars() if pool in resting] if resting else []
    return sum(dispatch.recall_dispatched(c, pool) for pool in handed)


def longer(one: Rest | None, other: Rest | None) -> Rest | None:
    """The rest that ends later, where there are two reasons for one."""
    found = [rest for rest in (one, other) if rest is not None]
    return max(found, key=_end, default=None)


def _together(
    by_pool: Mapping[str, list[Rest | None]], paused: Mapping[str, Rest]
) -> dict[str, Rest]:
    resting = {}
    for pool in sorted({*by_pool, *paused}):
        of_hosts = by_pool.get(pool, [])
        at_rest = [rest for rest in of_hosts if rest is not None]
        # The first of them to work again ends the rest of the pool.
        first = min(at_rest, key=_end) if at_rest and len(at_rest) == len(of_hosts) else None
        if (rest := longer(paused.get(pool), first)) is not None:
            resting[pool] = rest
    return resting


def _end(rest: Rest) -> float:
    return math.inf if rest.until is None else rest.until


def _rest(reason: str | None, until: float | None) -> Rest:
    return Rest(because="paused", until=until, reason=reason or "")


_PARTS = {
    "lasts": "paused = 1 AND (paused_until IS NULL OR paused_until > {now})",
    "due": "paused = 1 AND paused_until <= {now}",
    "go_on": "UPDATE pools SET paused = 0, paused_reason = NULL, paused_until = NULL",
}
_PAUSE = Sql("""
INSERT INTO pools (name, paused, paused_reason, paused_until)
VALUES (:pool, 1, :reason, {now} + CAST(:for_s AS DOUBLE PRECISION))
ON CONFLICT (name) DO UPDATE SET paused = 1, paused_reason = excluded.paused_reason,
    paused_until = excluded.paused_until
""")
_GO_ON = Sql("{go_on} WHERE name = :pool AND paused = 1", _PARTS)
_PAUSE_OF = Sql(
    "SELECT paused_reason, paused_until FROM pools WHERE name = :pool AND {lasts}", _PARTS
)
_PAUSED = Sql(
    "SELECT name, paused_reason, paused_until FROM pools WHERE {lasts} ORDER BY name", _PARTS
)
_IS_ANY_DUE = Sql("SELECT EXISTS (SELECT 1 FROM pools WHERE {due})", _PARTS)
# Not by an earlier look: somebody may have paused it anew.
_END_DUE = Sql("{go_on} WHERE {due} RETURNING name", _PARTS)
_HANDED = Sql("""
SELECT DISTINCT j.pool FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'dispatched' ORDER BY j.pool
""")
