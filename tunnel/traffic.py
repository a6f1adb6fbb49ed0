"""All forwards of one tunnel, over whatever connection there is."""

import asyncio
from collections.abc import Callable, Sequence

import asyncssh

from jobs.clocks import counting_sleep
from jobs.tunnels import Cause, ForwardReport, ForwardState
from tunnel.forward import Forward, plan
from tunnel.heard import Heard
from tunnel.line import Line
from tunnel.local import LocalWay, UnboundWay
from tunnel.remote import RemoteWay
from tunnel.way import Way


class Forwards:
    """Local listeners outlive connections; what is wrong with one is in its report, not raised."""

    def __init__(
        self, clock: Callable[[], float] = counting_sleep, *, listens_here: bool = True
    ) -> None:
        """Where it does not listen here, local ones can be probed, but take no connections."""
        self._clock = clock
        self._local = LocalWay if listens_here else UnboundWay
        self._ways: dict[Forward, Way] = {}
        self._line: Line | None = None
        #: Told by its channels, and by whoever made the connection.
        self.heard = Heard(clock)
        #: One change at a time.
        self._changing = asyncio.Lock()

    @property
    def heard_at(self) -> float:
        """When the last byte came from the server; -inf before the first."""
        return self.heard.at

    @property
    def channels(self) -> int:
        """Channels that are open on the connection, or were asked for."""
        return 0 if self._line is None else self._line.channels

    @property
    def causes(self) -> dict[Forward, Cause]:
        """Why forwards are refused: PORT_HELD on the server, or CONFIGURATION."""
        return {forward: way.cause for forward, way in self._ways.items() if way.cause is not None}

    @property
    def forbidden(self) -> tuple[Forward, ...]:
        """Those that the server does not permit to this connection, or may not."""
        return tuple(forward for forward, way in self._ways.items() if way.is_forbidden)

    async def want(self, forwards: Sequence[Forward]) -> None:
        """Make these the forwards: close and open what changed, and leave the rest alone."""
        async with self._changing:
            change = plan(forwards, self._ways)
            closing = [self._ways.pop(forward) for forward in change.close]
            # First, as the same port may lead elsewhere now.
            await asyncio.gather(*(way.stop() for way in closing))
            opening = {forward: self._new_way(forward) for forward in change.open}
            self._ways |= opening
            self._ways = {forward: self._ways[forward] for forward in dict.fromkeys(forwards)}
            await asyncio.gather(*(way.open(self._line) for way in opening.values()))
            await asyncio.gather(*(way.drain() for way in closing))

    async def attach(self, conn: asyncssh.SSHClientConnection) -> None:
        """Use this connection; returns when the server was asked once for what it is to listen at.

        What it refused is asked for again by `mend`.
        """
        async with self._changing:
            self._line = Line(conn, self.heard)
            await asyncio.gather(*(way.open(self._line) for way in self._ways.values()))

    async def mend(self) -> None:
        """Ask again for what is refused, here and there."""
        async with self._changing:
            refused = [w for w in self._ways.values() if w.state is ForwardState.REFUSED]
            await asyncio.gather(*(way.open(self._line) for way in refused))

    def detach(self) -> None:
        """The connection is gone, or about to be closed: cut all that goes through it."""
        self._line = None
        for way in self._ways.values():
            way.detach()

    async def probe(self, within_s: float) -> bool:
        """Ask all services side by side; whether all have answered."""
        answers = await asyncio.gather(*(way.probe(within_s) for way in self._ways.values()))
        return all(answers)

    def reports(self) -> tuple[ForwardReport, ...]:
        """All forwards as they are now, in the order in which they were wanted."""
        return tuple(way.report() for way in self._ways.values())

    async def close(self) -> None:
        """Close all, with a moment for connections to come to their end."""
        await self.want(())
        self._line = None

    def _new_way(self, forward: Forward) -> Way:
        kind = self._local if forward.direction == "local" else RemoteWay
        return kind(forward, self._clock)
