"""Keeps one tunnel up: connects, proves that each forward works, and comes back from anything."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from jobs.clocks import counting_sleep
from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import Cause, TunnelReport, TunnelState
from tunnel.backoff import HALTING, failures_after, wait_s
from tunnel.diary import Diary
from tunnel.failures import TunnelError
from tunnel.forward import Forward, forwards_of
from tunnel.leftover import Leftover
from tunnel.login import Link
from tunnel.names import Names
from tunnel.network import network_now
from tunnel.nudges import TICK_S, Nudges
from tunnel.places import Places
from tunnel.rounds import Rounds
from tunnel.second_look import until_permitted, works_anew
from tunnel.traffic import Forwards
from tunnel.trying import connect

#: What may change without another connection.
_APPLIED_AT_ONCE = frozenset(
    {"local", "remote", "pools", "keepalive_s", "keepalive_count", "probe_every_s", "probe_s"}
    | {"port_held_s", "connect_s", "login_s"}
)
#: After these the server does not know yet that the connection is dead.
_UNSAID = frozenset({Cause.SILENT, Cause.SLEPT})
_MINUTE_S = 60.0


class Supervisor:
    """One tunnel, from `run` until that is cancelled. All of it is called on the loop's thread."""

    def __init__(
        self,
        name: str,
        settings: TunnelSettings,
        places: Places,
        on_report: Callable[[TunnelReport], None],
        *,
        clock: Callable[[], float] = counting_sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`on_report` is called when its state, or what it says of it, has changed."""
        self._name = name
        self._settings = settings
        self._places = places
        self._clock = clock
        self._chance = chance
        self._forwards = Forwards(clock)
        self._diary = Diary(name, self._forwards, clock, on_report)
        self._nudges = Nudges(clock)
        self._names = Names()
        self._leftover = Leftover()
        self._rounds: Rounds | None = None
        #: The next connection is to be another one.
        self._is_replaced = asyncio.Event()
        self._failures = 0
        self._down_since = clock()
        self._logins = deque[float]()

    async def run(self) -> None:
        """Keep it up until cancelled; a cancelled one says goodbye to the server and closes all."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._nudges.watch_clock())
                while True:
                    await self._pause(await self._live())
        finally:
            await self._forwards.close()
            self._leftover.reset()
            self._diary.enter(TunnelState.IDLE)

    def report(self) -> TunnelReport:
        """How it is now."""
        return self._diary.report()

    def reload(self, settings: TunnelSettings) -> None:
        """Go by other settings: forwards by their difference, the rest by a new connection.

        So it is for a forward that the server forbids: what it permits counts for new ones only.
        """
        others = _of_connection(settings) != _of_connection(self._settings)
        self._settings = settings
        if others or not set(forwards_of(settings)).isdisjoint(self._forwards.forbidden):
            self._is_replaced.set()
        if self._rounds is not None:
            self._rounds.settings = settings
        self._nudges.nudge()

    def retry_now(self) -> None:
        """Do not wait for the next try; where it is connected, ask all forwards at once."""
        self._nudges.nudge()

    async def _live(self) -> TunnelError:
        """One connection, from the first try to its end; why it ended, or did not come about."""
        self._is_replaced.clear()
        self._nudges.slept.clear()
        await self._forwards.want(forwards_of(self._settings))
        await self._forwards.mend()
        try:
            link = await self._unless_overtaken(
                connect(
                    self._name,
                    self._settings,
                    self._places,
                    self._names,
                    self._on_state,
                    on_bytes=self._forwards.heard.note,
                )
            )
        except TunnelError as failure:
            self._failures += 1
            return failure
        return await self._serve(link)

    def _on_state(self, state: TunnelState, server: str) -> None:
        self._diary.enter(state, server=server)

    async def _unless_overtaken(self, connecting: Coroutine[None, None, Link]) -> Link:
        """The connection; given up where it is to be another one, or the machine slept."""
        trying = asyncio.ensure_future(connecting)
        replaced = asyncio.ensure_future(self._is_replaced.wait())
        slept = asyncio.ensure_future(self._nudges.slept.wait())
        try:
            await asyncio.wait([trying, replaced, slept], return_when=asyncio.FIRST_COMPLETED)
            if trying.done():
                return trying.result()
            cause = Cause.ASKED if replaced.done() else Cause.SLEPT
        except asyncio.CancelledError:
            await _discard(trying)
            raise
        finally:
            replaced.cancel()
            slept.cancel()
        await _discard(trying)
        raise TunnelError(cause, _ANEW)

    async def _serve(self, link: Link) -> TunnelError:
        """All that goes through a connection, until that is lost; why it was."""
        # First: the ports that they hold are wanted now.
        self._leftover.reset()
        self._diary.connects += 1
        self._logins.append(self._clock())
        try:
            why = await self._until_lost(link)
        except asyncio.CancelledError:
            await self._forwards.close()
            await link.close()
            raise
        self._forwards.detach()
        if why.cause is Cause.ASKED:
            await link.close()
        else:
            link.cut()
            self._part(link, why)
        self._down_since = self._clock()
        self._failures = self._failures_now()
        return why

    async def _until_lost(self, link: Link) -> TunnelError:
        self._rounds = Rounds(
            link,
            settings=self._settings,
            forwards=self._forwards,
            diary=self._diary,
            nudges=self._nudges,
            clock=self._clock,
            chance=self._chance,
        )
        going = asyncio.ensure_future(self._rounds.run())
        replaced = asyncio.ensure_future(self._is_replaced.wait())
        looking = asyncio.ensure_future(
            until_permitted(self._forwards, self._works_anew, self._clock)
        )
        try:
            ends: list[asyncio.Future[Any]] = [going, replaced, looking, link.lost]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._rounds = None
            for each in (going, replaced, looking):
                each.cancel()
            await asyncio.gather(going, replaced, looking, return_exceptions=True)
        for each in (going, looking):
            if not each.cancelled():
                each.result()
        if not link.lost.done():
            return TunnelError(Cause.ASKED, _ANEW if looking.cancelled() else _PERMITTED)
        why = link.lost.result()
        if why.cause is Cause.SILENT and self._nudges.slept.is_set():
            return TunnelError(Cause.SLEPT, "The connection did not outlive this machine's sleep.")
        return why

    async def _works_anew(self, wanted: Sequence[Forward]) -> bool:
        return await works_anew(self._name, self._settings, self._places, wanted)

    def _part(self, link: Link, why: TunnelError) -> None:
        if why.cause in _UNSAID:
            self._leftover.keep(link.twin)
        else:
            link.twin.close()

    def _failures_now(self) -> int:
        now, up_at = self._clock(), self._diary.up_at
        while self._logins and now - self._logins[0] > _MINUTE_S:
            self._logins.popleft()
        up_s = None if up_at is None else now - up_at
        return failures_after(self._failures, up_s, len(self._logins))

    async def _pause(self, failure: TunnelError) -> None:
        """Wait for the next try, or for what makes one worth while now."""
        cause, began = failure.cause, self._clock()
        self._diary.failures[cause] += 1
        down_s = began - self._down_since
        until = began + wait_s(cause, self._failures, down_s, self._chance())
        self._diary.next_try_at = until
        state = TunnelState.HALTED if cause in HALTING else TunnelState.BACKOFF
        self._diary.enter(state, cause, str(failure), server=failure.server or None)
        known = self._known(cause)
        while (left := until - self._clock()) > 0 and self._known(cause) == known:
            if await self._nudges.wait(min(left, TICK_S)):
                break
        self._diary.next_try_at = None

    def _known(self, cause: Cause) -> object:
        """What makes another try worth while when it changes: our files, or the network.

        The network alone is none to one whom the server does not let in. Another host key may be
        that of a stranger, who is left behind with his network.
        """
        files = self._places.stamp(self._name, self._settings)
        is_of_network = cause not in HALTING or cause is Cause.HOST_KEY
        return files, network_now() if is_of_network else None


async def _discard(trying: "asyncio.Future[Link]") -> None:
    trying.cancel()
    await asyncio.wait([trying])
    if not trying.cancelled() and trying.exception() is None:
        link = trying.result()
        link.cut()
        link.twin.close()


def _of_connection(settings: TunnelSettings) -> dict[str, object]:
    return settings.model_dump(exclude=set(_APPLIED_AT_ONCE))


_ANEW = "It begins anew."
_PERMITTED = "The server permits more to a new connection."
