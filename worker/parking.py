"""When a backend serves nobody: for how long its host claims nothing, and what it says of it."""

import math
from collections.abc import Callable

from jobs.store.hosts import Trouble

#: Parks that follow each other without an answer between them grow up to this.
LONGEST_S = 60.0


class Parking:
    """Adds up the failures of a backend until it answers again. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._text: str | None = None
        self._until = -math.inf
        self._streak = 0

    def begin(self, text: str, for_s: float) -> float:
        """The backend failed: seconds to claim nothing for; 0 where that is so already.

        Infinity stays infinity: it is until somebody has looked.
        """
        now = self._clock()
        if now < self._until and math.isfinite(for_s):
            # Jobs that were in flight together fail together: that is one failure.
            return 0.0
        self._text = text
        self._streak += 1
        if math.isfinite(for_s):
            for_s = min(for_s * 2.0 ** min(self._streak - 1, 16), max(for_s, LONGEST_S))
        self._until = now + for_s
        return for_s

    def end(self) -> None:
        """The backend has answered."""
        if self._text is not None and math.isfinite(self._until):
            self._text, self._streak = None, 0

    @property
    def trouble(self) -> Trouble | None:
        """What there is to say of it; None while all is well."""
        if self._text is None:
            return None
        if math.isinf(self._until):
            return Trouble(text=self._text, parked_s=None)
        return Trouble(text=self._text, parked_s=max(0.0, self._until - self._clock()))
