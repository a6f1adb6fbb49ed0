"""One forward at work: what both kinds of it have in common."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

import asyncssh

from jobs.endpoints import Endpoint
from jobs.tunnels import Cause, ForwardReport, ForwardState
from tunnel import reasons
from tunnel.forward import Forward
from tunnel.line import Line
from tunnel.probing import Answer, Talk, converse
from tunnel.relay import Relay, Tally

#: Seconds that connections have to come to their end when their forward is closed.
DRAIN_S = 1.0


class Way(ABC):
    """A forward, whether it works, and what goes through it."""

    def __init__(self, forward: Forward, clock: Callable[[], float]) -> None:
        self.forward = forward
        self.state = ForwardState.CLOSED
        #: What keeps it from being open.
        self.cause: Cause | None = None
        #: Whether the server does not permit it, or may not: to this connection, for its lifetime.
        self.is_forbidden = False
        self._clock = clock
        self._line: Line | None = None
        #: What was asked last; the server may not have answered it yet.
        self._talk: Talk | None = None
        self._reason = ""
        self._rtt_ms: float | None = None
        self._answered_at: float | None = None
        self._tally = Tally()
        self._relays = set[Relay]()
        self._idle = asyncio.Event()
        self._idle.set()

    @abstractmethod
    async def open(self, line: Line | None) -> None:
        """Come as far as that is possible with this connection, or with none; never raises."""

    @abstractmethod
    async def stop(self) -> None:
        """Take no more connections; those that stand go on."""

    @abstractmethod
    async def ask(self, line: Line, within_s: float) -> Answer:
        """Ask the service behind it."""

    def detach(self) -> None:
        """The connection is gone, and with it all that went through."""
        self._line = None
        self._cut()

    async def probe(self, within_s: float) -> bool:
        """Whether the service behind it answers now; what was found out is in the report."""
        line = self._line
        if line is None or self.state in (ForwardState.CLOSED, ForwardState.REFUSED):
            return False
        try:
            answer = await self.ask(line, within_s)
        except (OSError, asyncssh.Error):
            # Whatever breaks on the way: the tunnel, and its other forwards, go on.
            answer = Answer(None, reasons.dead(self.forward, "is not reached: the question broke"))
        if self._line is not line:
            return False
        if answer.cause is not None:
            # Whoever mends asks for it again.
            await self.stop()
            if self._line is line:
                self._is_refused(answer.cause, answer.trouble)
            return False
        self._reason, self.is_forbidden = answer.trouble, answer.is_forbidden
        if answer.took_s is None:
            self.state = ForwardState.DEAD
            return False
        self.state = ForwardState.UP
        self._rtt_ms, self._answered_at = 1000 * answer.took_s, self._clock()
        return True

    async def drain(self) -> None:
        """Let what stands come to its end for a moment, and cut it then."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._idle.wait()
        except TimeoutError:
            self._cut()

    def report(self) -> ForwardReport:
        """How it is now."""
        answered_at = self._answered_at
        return ForwardReport(
            direction=self.forward.direction,
            listen=str(self.forward.listen),
            to=str(self.forward.to),
            probe=self.forward.probe,
            state=self.state,
            reason=self._reason,
            rtt_ms=self._rtt_ms,
            answered_s=None if answered_at is None else max(0.0, self._clock() - answered_at),
            open=self._tally.open,
            opened=self._tally.opened,
            bytes_there=self._tally.bytes_there,
            bytes_back=self._tally.bytes_back,
        )

    def _is_open(self) -> None:
        self._become(ForwardState.OPEN)

    def _is_closed(self) -> None:
        self._become(ForwardState.CLOSED)

    def _is_refused(self, cause: Cause, reason: str, *, is_forbidden: bool = False) -> None:
        self._become(ForwardState.REFUSED, cause, reason, is_forbidden=is_forbidden)

    def _become(
        self,
        state: ForwardState,
        cause: Cause | None = None,
        reason: str = "",
        *,
        is_forbidden: bool = False,
    ) -> None:
        self.state, self.cause = state, cause
        self._reason, self.is_forbidden = reason, is_forbidden

    async def _ask_there(self, line: Line, at: Endpoint) -> str:
        """Ask the service on a channel to there; what is wrong, or nothing.

        A server tries for minutes to reach what swallows everything: before it has answered one
        question there is no other one, else they would pile up.

        Raises `asyncssh.ChannelOpenError` where the server does not lead us there.
        """
        if self._talk is not None:
            await line.answered(self._talk)
        talk = self._talk = Talk(line)
        try:
            await line.open(at, talk)
            return await converse(self.forward.probe, self.forward.to, talk.reader, talk.write)
        finally:
            talk.close()

    def _new_relay(self, line: Line) -> Relay:
        relay = Relay(self.forward.direction, line, self._tally, self._end)
        self._relays.add(relay)
        self._idle.clear()
        self._tally.open += 1
        self._tally.opened += 1
        return relay

    def _end(self, relay: Relay) -> None:
        self._relays.discard(relay)
        self._tally.open -= 1
        if not self._relays:
            self._idle.set()

    def _cut(self) -> None:
        for relay in list(self._relays):
            relay.cut()
