"""When a heartbeat is due.

It keeps the leases of what is held, and the host on the list of the living. The thread that
writes beats by itself: whatever keeps the event loop busy, no lease runs out for it.
"""

import math
from collections.abc import Callable

from jobs.store.hosts import Trouble

#: Seconds between two beats while jobs are held.
BUSY_S = 1.0
#: Seconds between two beats of a host that has nothing to do.
IDLE_S = 5.0


class Heartbeat:
    """Keeps when the host was last heard of, and of what trouble. `clock` counts seconds.

    `busy_s` is for measuring what beats cost: with infinity none is ever due.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        trouble: Callable[[], Trouble | None] = lambda: None,
        busy_s: float = BUSY_S,
    ) -> None:
        self._clock = clock
        self._trouble = trouble
        self._busy_s = busy_s
        self._beaten_at = -math.inf
        self._was_well = True

    @property
    def trouble(self) -> Trouble | None:
        """What the host suffers from now."""
        return self._trouble()

    def due_in_s(self, *, is_busy: bool) -> float:
        """Seconds until the next beat; 0 when it is due. News of the host's health are due at
        once.
        """
        if math.isinf(self._busy_s):
            return math.inf
        if self._was_well is not (self.trouble is None):
            return 0.0
        period_s = self._busy_s if is_busy else IDLE_S
        return max(0.0, self._beaten_at + period_s - self._clock())

    def beaten(self, trouble: Trouble | None) -> None:
        """The host was heard of, and told of `trouble`."""
        self._beaten_at = self._clock()
        self._was_well = trouble is None
