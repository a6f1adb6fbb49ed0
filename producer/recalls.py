"""When jobs that nobody has claimed yet are taken back, to be handed out in another order.

About two seconds of work are handed out ahead. What is more urgent than that, or a small batch
beside a large one, need not wait behind it.
"""

import math

from jobs.store.ranking import is_out_of_order
from jobs.store.standings import Standing

#: Seconds between two recalls of a pool at least.
EVERY_S = 0.2
#: Recalls take this part of the time at most.
SHARE = 0.2


class Recalls:
    """Which pools have jobs to be recalled. All times are seconds of one clock."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._not_before: dict[str, float] = {}

    def is_due(self, pool: str, standing: Standing, now: float) -> bool:
        """Whether the unclaimed jobs of a pool are to be taken back now, by how it stands."""
        unclaimed = any(c.dispatched for c in standing.contenders)
        if standing.is_testing or not unclaimed:
            self._wanted.discard(pool)
        elif is_out_of_order(standing.contenders):
            # Kept in mind: by the time it may be done the batch that came too late may have all
            # its jobs handed out, behind those of others.
            self._wanted.add(pool)
        return pool in self._wanted and now >= self._not_before.get(pool, -math.inf)

    def done(self, pool: str, began: float, ended: float) -> None:
        """The unclaimed jobs of a pool were taken back, which took that long."""
        self._wanted.discard(pool)
        self._not_before[pool] = ended + max(EVERY_S, (ended - began) / SHARE)
