"""A TCP port that leads to a server's Unix socket, and fails as networks do."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from enum import Enum
from pathlib import Path
from typing import Any, Self

from tests.chaos.ears import Ear

_BLOCK = 64 * 1024


class Weather(Enum):
    """What becomes of bytes."""

    FAIR = "fair"
    #: Connections break, and new ones too.
    CUT = "cut"
    #: Connections stand, and nothing that is sent arrives: neither side is told.
    SWALLOWING = "swallowing"


class Proxy:
    """Runs on a thread of its own from `open` to `close`; called from any other one."""

    def __init__(self, upstream: Path, ear: Callable[[], Ear]) -> None:
        self.port = 0
        #: How many replies were dropped so far.
        self.dropped = 0
        self._upstream = upstream
        self._ear = ear
        self._weather = Weather.FAIR
        self._words: bytes | None = None
        self._wires: set[_Wire] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @classmethod
    def open(cls, upstream: Path, ear: Callable[[], Ear]) -> Self:
        """Listen on a free port of this machine."""
        proxy = cls(upstream, ear)
        proxy._thread.start()
        proxy._call(proxy._listen())
        return proxy

    def cut(self) -> None:
        """Break all connections, and new ones until it heals."""
        self._weather = Weather.CUT
        self._call(self._break_all())

    def swallow(self) -> None:
        """Go half-open: take everything and deliver nothing until it heals."""
        self._weather = Weather.SWALLOWING

    def drop_reply_about(self, words: bytes) -> None:
        """Deliver the next request that has these words, and break the connection in the place of
        its reply: whoever asked cannot know whether it was done.
        """
        self._words = words

    def heal(self) -> None:
        """Deliver again. Connections of which something was swallowed break, as they would when
        a router that forgot them comes back.
        """
        was, self._weather, self._words = self._weather, Weather.FAIR, None
        if was is Weather.SWALLOWING:
            self._call(self._break_all())

    def close(self) -> None:
        """Break everything and end the thread."""
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def is_about(self, asked: list[bytes]) -> bool:
        """Whether the reply to this is the one to be dropped; true once."""
        words = self._words
        if words is None or not any(words in text for text in asked):
            return False
        self._words = None
        return True

    @property
    def weather(self) -> Weather:
        """What becomes of bytes now."""
        return self._weather

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._weather is Weather.CUT:
            writer.transport.abort()
            return
        try:
            upstream = await asyncio.open_unix_connection(self._upstream)
        except OSError:
            writer.transport.abort()
            return
        wire = _Wire(self, self._ear(), (reader, writer), upstream)
        self._wires.add(wire)
        try:
            await wire.carry()
        finally:
            self._wires.discard(wire)

    async def _break_all(self) -> None:
        for wire in list(self._wires):
            wire.snap()

    async def _shut(self) -> None:
        self._server.close()
        await self._break_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Wire:
    """One connection and its other half."""

    def __init__(self, proxy: Proxy, ear: Ear, client: _Stream, server: _Stream) -> None:
        self._proxy = proxy
        self._ear = ear
        self._client = client
        self._server = server
        self._drops_reply = False

    async def carry(self) -> None:
        """Carry bytes both ways until either side ends."""
        ways = [asyncio.create_task(self._there()), asyncio.create_task(self._back())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self.snap()
            await asyncio.gather(*ways, return_exceptions=True)

    def snap(self) -> None:
        """Break both halves at once."""
        self._client[1].transport.abort()
        self._server[1].transport.abort()

    async def _there(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._client[0].read(_BLOCK):
                if self._proxy.weather is Weather.SWALLOWING:
                    continue
                if self._proxy.is_about(self._ear.hear(data)):
                    self._drops_reply = True
                self._server[1].write(data)
                await self._server[1].drain()

    async def _back(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._server[0].read(_BLOCK):
                if self._drops_reply:
                    # It has answered: what was asked for is done.
                    self._proxy.dropped += 1
                    return
                if self._proxy.weather is Weather.SWALLOWING:
                    continue
                self._client[1].write(data)
                await self._client[1].drain()
