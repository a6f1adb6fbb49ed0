"""What makes a tunnel look up from its rest at once."""

import asyncio
from collections.abc import Callable

#: Seconds from one look at the clock to the next.
TICK_S = 1.0
#: A look that comes so many seconds too late: the machine slept, or this process was stopped.
_LATE_S = 5.0


class Nudges:
    """Kept until somebody has seen them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._nudged = asyncio.Event()
        #: Set when it slept, until somebody who has drawn the consequences clears it.
        self.slept = asyncio.Event()
        #: When that was noticed last; what came before says nothing of the time since.
        self.woke_at = float("-inf")

    def nudge(self) -> None:
        """Somebody asks."""
        self._nudged.set()

    async def wait(self, within_s: float) -> bool:
        """Rest until there is a nudge, which is taken, or the time is over; whether there was."""
        try:
            async with asyncio.timeout(within_s):
                await self._nudged.wait()
        except TimeoutError:
            return False
        self._nudged.clear()
        return True

    def woke(self, at: float) -> None:
        """It slept, and this is noticed now."""
        self.woke_at = at
        self.slept.set()
        self._nudged.set()

    async def watch_clock(self) -> None:
        """Notice sleep, until cancelled."""
        looked_at = self._clock()
        while True:
            await asyncio.sleep(TICK_S)
            now = self._clock()
            if now - looked_at > TICK_S + _LATE_S:
                self.woke(now)
            looked_at = now
