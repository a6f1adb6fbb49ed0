"""The slots of a host: how many jobs its backend does at once, and who waits for one."""

import asyncio
import math
from collections import deque


class SlotsClosedError(Exception):
    """The host is draining: nothing more is claimed."""


class Slots:
    """Counts the free slots and serves those who wait in their order. For one event loop.

    Slots are taken before jobs are claimed, so that a host never claims what another one could
    begin at once.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = total
        #: Those who want whatever is free, and those who want all of it, who come last.
        self._waiting: deque[tuple[int, asyncio.Future[int]]] = deque()
        self._waiting_for_all: deque[asyncio.Future[int]] = deque()
        self._parked_until = -math.inf
        self._is_closed = False
        self._is_serving = False

    @property
    def are_free(self) -> bool:
        """Whether somebody who asked now would get one at once."""
        return self._free > 0 and self._are_given_out

    async def take(self, most: int) -> int:
        """Wait for a slot, then take what is free of `most`; says how many, at least one.

        Raises:
            SlotsClosedError: the host is draining.
        """
        if not self._waiting and self.are_free:
            return self._grant(most)
        granted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((most, granted))
        return await self._given(granted)

    async def take_all(self) -> int:
        """Wait until no slot is taken or wanted by anybody else, then take all; says how many.

        Raises:
            SlotsClosedError: the host is draining.
        """
        granted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting_for_all.append(granted)
        return await self._given(granted)

    def free(self, count: int) -> None:
        """Give `count` slots back."""
        self._free += count
        if (self._waiting or self._waiting_for_all) and not self._is_serving:
            # Later in this turn of the loop: what ends together is given out together, and so
            # claimed together.
            self._is_serving = True
            asyncio.get_running_loop().call_soon(self._serve)

    def park(self, for_s: float) -> None:
        """Give nothing out for `for_s` seconds; infinity is until the process ends."""
        loop = asyncio.get_running_loop()
        self._parked_until = max(self._parked_until, loop.time() + for_s)
        if math.isfinite(for_s):
            loop.call_at(self._parked_until, self._serve)

    def close(self) -> None:
        """Give nothing out any more; those who wait get `SlotsClosedError`."""
        self._is_closed = True
        self._serve()

    @property
    def _are_given_out(self) -> bool:
        if self._is_closed:
            return False
        # Asking the clock costs more than the rest, and hosts are hardly ever parked.
        return self._parked_until < 0 or asyncio.get_running_loop().time() >= self._parked_until

    async def _given(self, granted: asyncio.Future[int]) -> int:
        self._serve()
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.free(granted.result())
            raise

    def _serve(self) -> None:
        self._is_serving = False
        while self._waiting and (self._is_closed or (self._free and self._are_given_out)):
            most, granted = self._waiting.popleft()
            if granted.done():
                continue
            if self._is_closed:
                granted.set_exception(SlotsClosedError())
            else:
                granted.set_result(self._grant(most))
        self._serve_all()

    def _serve_all(self) -> None:
        while self._waiting_for_all and (
            self._is_closed or (self._free == self.total and self._are_given_out)
        ):
            granted = self._waiting_for_all.popleft()
            if granted.done():
                continue
            if self._is_closed:
                granted.set_exception(SlotsClosedError())
            else:
                granted.set_result(self._grant(self.total))

    def _grant(self, most: int) -> int:
        count = min(most, self._free)
        self._free -= count
        return count
