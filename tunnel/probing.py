"""Whether a service answers: what it is asked, and what counts as an answer."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from jobs.endpoints import Endpoint
from jobs.settings_tunnel import ProbeKind
from jobs.tunnels import Cause
from tunnel.line import Line, Session

#: Where nothing is asked: for how long a connection has to stand, at least.
_STANDS_S = 0.1
_PIECE = 4096

_REDIS = b"*1\r\n$4\r\nPING\r\n"
_HTTP = "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
#: The first eight bytes of a client that would like to encrypt.
_POSTGRES = bytes.fromhex("0000000804d2162f")

#: How an answer begins. One that says no is an answer, too.
_BEGINS: dict[ProbeKind, tuple[bytes, ...]] = {
    "redis": (b"+PONG", b"-"),
    "postgres": (b"S", b"N"),
    "http": (b"HTTP/",),
}


class Answer(NamedTuple):
    """What a probe found out."""

    #: Seconds that it took; None where there was no answer.
    took_s: float | None
    #: What is wrong, for people; it goes on after the name of the service.
    trouble: str = ""
    #: What keeps it from being open, where it is not any more.
    cause: Cause | None = None
    #: Whether the server does not let this connection through.
    is_forbidden: bool = False


class Talk(Session):
    """A channel that is read as a stream."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.reader = asyncio.StreamReader()
        self._chan: Any = None

    def connection_made(self, chan: Any) -> None:
        """The channel is open."""
        super().connection_made(chan)
        self._chan = chan

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Something came."""
        super().data_received(data, datatype)
        self.reader.feed_data(data)

    def eof_received(self) -> bool:
        """Nothing more will."""
        self.reader.feed_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed."""
        super().connection_lost(exc)
        self.reader.feed_eof()

    def write(self, data: bytes) -> None:
        """Send something; where it was closed meanwhile, the reader says so."""
        if not self._chan.is_closing():
            self._chan.write(data)

    def close(self) -> None:
        """Close it now, or as soon as it is open."""
        self.give_up()
        if self._chan is not None:
            self._chan.abort()


async def converse(
    kind: ProbeKind, to: Endpoint, reader: asyncio.StreamReader, write: Callable[[bytes], None]
) -> str:
    """Ask on a connection that is open; what is wrong, or nothing."""
    if kind == "none":
        return await _stands(reader)
    write(_question(kind, to))
    said = b""
    while (verdict := is_answer(kind, said)) is None:
        piece = await reader.read(_PIECE)
        if not piece:
            return "closes the connection without an answer"
        said += piece
    return "" if verdict else f"answers, but not as {kind} does"


def is_answer(kind: ProbeKind, said: bytes) -> bool | None:
    """Whether this is how such a service answers; None while that cannot be told yet."""
    begins = _BEGINS[kind]
    if said.startswith(begins):
        return True
    return None if any(begin.startswith(said) for begin in begins) else False


def _question(kind: ProbeKind, to: Endpoint) -> bytes:
    if kind == "http":
        return _HTTP.format(host="localhost" if to.path else to).encode()
    return _REDIS if kind == "redis" else _POSTGRES


async def _stands(reader: asyncio.StreamReader) -> str:
    try:
        async with asyncio.timeout(_STANDS_S):
            piece = await reader.read(1)
    except TimeoutError:
        return ""
    return "" if piece else "closes every connection at once"
