"""When a heartbeat is due.

It keeps the leases of what is held, and the host on the list of the living. The thread that
writes beats by itself: whatever keeps the event loop busy, no lease runs out for it.
"""

import math
from collections.abc import Callable

from jobs.store.hosts import Rest, Trouble
from worker.rest import RestWatch

#: Seconds between two beats while jobs are held.
BUSY_S = 1.0
#: Seconds between two beats of a host that rests: it is to work again at once when its pool is
#: resumed.
RESTING_S = 0.5
#: Seconds between two beats of a host that has nothing to do.
IDLE_S = 5.0


class Heartbeat:
    """Keeps when the host was last heard of, of what trouble, and whether it rests.

    `clock` counts seconds; `watch` is told of the pause that a beat finds.

    `busy_s` is for measuring what beats cost: with infinity none is ever due.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        trouble: Callable[[], Trouble | None] = lambda: None,
        busy_s: float = BUSY_S,
        watch: RestWatch | None = None,
    ) -> None:
        self._clock = clock
        self._trouble = trouble
        self._busy_s = busy_s
        self._beaten_at = -math.inf
        self._watch = watch or RestWatch()
        self._was_well = True
        self._told_rest: Rest | None = None

    @property
    def trouble(self) -> Trouble | None:
        """What the host suffers from now."""
        return self._trouble()

    @property
    def rest(self) -> Rest | None:
        """Why the host rests now."""
        return self._watch.rest

    def due_in_s(self, *, is_busy: bool) -> float:
        """Seconds until the next beat; 0 when it is due. News of the host's health and of its
        rest are due at once.
        """
        if math.isinf(self._busy_s):
            return math.inf
        rest = self.rest
        if self._was_well is not (self.trouble is None) or rest != self._told_rest:
            return 0.0
        period_s = RESTING_S if rest is not None else self._busy_s if is_busy else IDLE_S
        return max(0.0, self._beaten_at + period_s - self._clock())

    def beaten(
        self, trouble: Trouble | None, rest: Rest | None = None, *, pause: Rest | None = None
    ) -> None:
        """The host was heard of, and told of `trouble` and `rest`; its pool has `pause` now."""
        self._beaten_at = self._clock()
        self._was_well = trouble is None
        self._told_rest = rest
        self._watch.pause = pause
