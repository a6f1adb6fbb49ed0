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
#: A port that is taken on the server is asked for again after so many seconds, and more by chance.
_HELD_S, _HELD_MORE_S = 0.2, 0.8


class Finding(NamedTuple):
    """What the forwards together say of the tunnel."""

    state: TunnelState
    cause: Cause | None = None
    reason: str = ""


def finding(
    reports: Collection[ForwardReport], causes: Mapping[Forward, Cause], *, is_patient: bool
) -> Finding:
    """How a tunnel is, by its forwards after they were asked.

    `is_patient`: a port that is held on the server may still come free by itself.
    """
    amiss = [each.reason for each in reports if each.state is not ForwardState.UP]
    if not amiss:
        return Finding(TunnelState.UP)
    reason = " ".join(dict.fromkeys(filter(None, amiss)))
    cause = next(iter(causes.values()), None)
    if is_patient and Cause.PORT_HELD in causes.values():
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
        self._was_patient = True

    async def run(self) -> None:
        """Go round until cancelled, as whoever runs this does when the connection is lost."""
        self._diary.enter(TunnelState.FORWARDING)
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
        if self._forwards.heard_at >= began:
            slept.clear()
            self._link.keep_alive(self.settings)
        else:
            self._link.doubt()

    def _tell(self) -> None:
        causes = self._forwards.causes
        is_patient = self._is_patient()
        if self._was_patient and not is_patient and Cause.PORT_HELD in causes.values():
            self._diary.failures[Cause.PORT_HELD] += 1
        self._was_patient = is_patient
        self._diary.enter(*finding(self._forwards.reports(), causes, is_patient=is_patient))

    def _is_patient(self) -> bool:
        return self._clock() - self._since < self.settings.port_held_s

    async def _rest(self) -> None:
        """Wait for the next round; what is refused is asked for again."""
        until = self._clock() + self.settings.probe_every_s
        while (left := until - self._clock()) > 0:
            is_held = self._is_patient() and self._has_held_ports()
            pause_s = _HELD_S + _HELD_MORE_S * self._chance() if is_held else left
            if await self._nudges.wait(min(left, pause_s)):
                await self._apply()
                return
            if is_held:
                await self._watched(self._forwards.mend())
                if not self._has_held_ports():
                    return
        if self._forwards.causes:
            await self._watched(self._forwards.mend())

    def _has_held_ports(self) -> bool:
        return Cause.PORT_HELD in self._forwards.causes.values()

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
