"""Looking after a connection: lets all forwards work, and asks again and again whether they do."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any, NamedTuple

from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import Cause, ForwardReport, ForwardState, TunnelState
from tunnel.diary import Diary
from tunnel.forward import Forward, forwards_of
from tunnel.login import Link
from tunnel.nudges import Nudges
from tunnel.traffic import Forwards

#: Seconds for an answer after the machine has slept.
_AWAKE_S = 3.0
#: Seconds after which, while the server is to do something, it is asked whether it still lives.
_SLOW_S = 5.0
#: Seconds for which what the server refuses is taken for a port that is held, whatever it looks
#: like: an earlier connection of ours may have left it between the refusal and our look.
_YIELDS_S = 3.0
#: Seconds from the login on in which what does not work yet is asked again after a second.
_YOUNG_S = 10.0
#: A port that is taken on the server is asked for again after so many seconds, and more by chance.
_HELD_S, _HELD_MORE_S = 0.2, 0.8


class Finding(NamedTuple):
    """What the forwards together say of the tunnel."""

    state: TunnelState
    cause: Cause | None = None
    reason: str = ""


def finding(
    reports: Collection[ForwardReport], causes: Mapping[Forward, Cause], *, is_hopeful: bool
) -> Finding:
    """How a tunnel is, by its forwards after they were asked.

    `is_hopeful`: a port of the server that is held may still come free by itself.
    """
    amiss = [each.reason for each in reports if each.state is not ForwardState.UP]
    if not amiss:
        return Finding(TunnelState.UP)
    reason = " ".join(dict.fromkeys(filter(None, amiss)))
    cause = next(iter(causes.values()), None)
    if is_hopeful:
        return Finding(TunnelState.FORWARDING, Cause.PORT_HELD, reason)
    return Finding(TunnelState.DEGRADED, cause, reason)


class Rounds:
    """One connection, from the login until it is lost."""

    def __init__(
        self,
        link: Link,
        *,
        settings: TunnelSettings,
        forwards: Forwards,
        diary: Diary,
        nudges: Nudges,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        #: May be replaced; a nudge makes it look.
        self.settings = settings
        self._link = link
        self._applied = settings
        self._forwards = forwards
        self._diary = diary
        self._nudges = nudges
        self._clock = clock
        self._chance = chance
        self._since = clock()
        self._was_hopeful = False

    async def run(self) -> None:
        """Go round until cancelled, as whoever runs this does when the connection is lost."""
        self._diary.enter(TunnelState.FORWARDING)
        # The settings may have changed while the connection was made.
        await self._forwards.want(forwards_of(self._applied))
        await self._watched(self._forwards.attach(self._link.conn))
        self._diary.enter(TunnelState.PROBING)
        while True:
            await self._ask_all()
            self._tell()
            await self._rest()

    async def _ask_all(self) -> None:
        slept, began = self._nudges.slept, self._clock()
        if slept.is_set():
            self._link.doubt()
        await self._forwards.probe(_AWAKE_S if slept.is_set() else self.settings.probe_s)
        # Anything that came counts: an answer may queue behind a lot of something else.
        if self._forwards.heard_at >= max(began, self._nudges.woke_at):
            slept.clear()
            self._link.keep_alive(self.settings)
        else:
            self._link.doubt()

    def _tell(self) -> None:
        causes, is_hopeful = self._forwards.causes, self._is_hopeful()
        if self._was_hopeful and not is_hopeful and Cause.PORT_HELD in causes.values():
            self._diary.failures[Cause.PORT_HELD] += 1
        self._was_hopeful = is_hopeful
        self._diary.enter(*finding(self._forwards.reports(), causes, is_hopeful=is_hopeful))

    def _is_hopeful(self) -> bool:
        """Whether what the server refuses may be had in a moment."""
        age_s, held_s = self._clock() - self._since, self.settings.port_held_s
        return any(
            age_s < (held_s if cause is Cause.PORT_HELD else min(_YIELDS_S, held_s))
            for forward, cause in self._forwards.causes.items()
            if forward.direction == "remote"
        )

    async def _rest(self) -> None:
        """Wait for the next round; what is refused is asked for again."""
        began = self._clock()
        until = began + self._rest_s(began - self._since)
        while (left := until - self._clock()) > 0:
            is_hopeful = self._is_hopeful()
            pause_s = _HELD_S + _HELD_MORE_S * self._chance() if is_hopeful else left
            if await self._nudges.wait(min(left, pause_s)):
                await self._apply()
                return
            if is_hopeful:
                await self._watched(self._forwards.mend())
                if not self._forwards.causes:
                    return
        if self._forwards.causes:
            await self._watched(self._forwards.mend())

    def _rest_s(self, age_s: float) -> float:
        is_young = age_s < _YOUNG_S and self._diary.state is not TunnelState.UP
        return min(1.0, self.settings.probe_every_s) if is_young else self.settings.probe_every_s

    async def _apply(self) -> None:
        settings = self.settings
        if settings is self._applied:
            return
        self._applied, self._since = settings, self._clock()
        self._link.keep_alive(settings)
        await self._watched(self._forwards.want(forwards_of(settings)))

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what waits for the server, and notice if it is silent meanwhile."""
        working = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([working], timeout=_SLOW_S))[0]:
                self._link.doubt()
        finally:
            working.cancel()
            await asyncio.wait([working])
        await working
