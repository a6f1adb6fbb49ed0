"""The network between a tunnel and its server, and how it fails."""

import asyncio
import socket
import struct
from contextlib import suppress
from enum import Enum
from typing import Self, cast

from nightmill.bench.ports import free_port

_RESET = struct.pack("ii", 1, 0)


class Weather(Enum):
    """What becomes of connections."""

    FAIR = "fair"
    #: They stand, and nothing arrives until it heals.
    SILENT = "silent"
    #: They break, and new ones too.
    CUT = "cut"
    #: They break, and nobody takes new ones.
    REFUSED = "refused"


class Wire:
    """A port that leads to a server's."""

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self.server_port = server_port
        self.weather = Weather.FAIR
        #: Set while it is not silent.
        self.is_heard = asyncio.Event()
        #: Connections that came so far.
        self.came = 0
        self._halves = set[_Half]()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.turn(Weather.FAIR)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.turn(Weather.REFUSED)

    async def turn(self, weather: Weather) -> None:
        """Let the weather be another one."""
        self.weather = weather
        self.is_heard.clear() if weather is Weather.SILENT else self.is_heard.set()
        if weather is Weather.REFUSED and self._server is not None:
            self._server.close()
            self._server = None
        if weather in (Weather.CUT, Weather.REFUSED):
            for half in list(self._halves):
                half.reset()
        for half in list(self._halves):
            half.look_up()
        if weather is not Weather.REFUSED and self._server is None:
            await self._listen()

    @property
    def connections(self) -> int:
        """Those that stand."""
        return sum(half.is_caller for half in self._halves)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", self.port)

    def _accept(self) -> "_Half":
        self.came += 1
        return _Half(self, self._halves, is_caller=True)


class _Half(asyncio.Protocol):
    """One end of a connection; the other end is at the other side."""

    def __init__(self, wire: Wire, halves: "set[_Half]", *, is_caller: bool) -> None:
        self.is_caller = is_caller
        self._wire = wire
        self._halves = halves
        self._transport: asyncio.Transport | None = None
        self._other: _Half | None = None
        self._calling: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._halves.add(self)
        if self.is_caller:
            self._transport.pause_reading()
            self._calling = asyncio.ensure_future(self._call())
        self.look_up()

    def data_received(self, data: bytes) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._halves.discard(self)
        if self._other is not None:
            self._other.reset() if exc is not None else self._other.close()

    def look_up(self) -> None:
        """Behave as the weather is."""
        if self._wire.weather is Weather.CUT:
            self.reset()
        elif self._transport is not None and self._other is not None:
            if self._wire.weather is Weather.SILENT:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Break it, so that the other side sees that."""
        if self._transport is None:
            return
        with suppress(OSError):
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    async def _call(self) -> None:
        """Lead on to the server; in silence it is not reached before that is over."""
        await self._wire.is_heard.wait()
        loop = asyncio.get_running_loop()
        try:
            _, other = await loop.create_connection(
                lambda: _Half(self._wire, self._halves, is_caller=False),
                "127.0.0.1",
                self._wire.server_port,
            )
        except OSError:
            self.reset()
            return
        self._other, other._other = other, self
        self.look_up()
        other.look_up()
