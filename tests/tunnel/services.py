"""Small services for the far end of a forward, and tunnels that lead to them."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from typing import Any

import asyncssh

from jobs.endpoints import Endpoint
from jobs.settings_tunnel import ProbeKind
from jobs.tunnels import ForwardReport
from nightmill.bench.ports import free_port
from tests.tunnel.sshd import Sshd
from tests.waiting import eventually
from tunnel.forward import Forward
from tunnel.traffic import Forwards

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says back what it hears, to the end."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers a PING, and everything else as well."""
    while await reader.read(4096):
        writer.write(b"+PONG\r\n")


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Listens and says nothing."""
    while await reader.read(4096):
        pass


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes at once."""


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection once it was asked something."""
    await reader.read(4096)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def serving(handler: Handler, at: Endpoint | None = None) -> AsyncIterator[Endpoint]:
    """A service, on a free port unless it is said where."""
    at = at or port()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    if at.path:
        server: asyncio.Server = await asyncio.start_unix_server(handle, at.path)
    else:
        server = await asyncio.start_server(handle, at.host, at.port)
    try:
        yield at
    finally:
        server.close()


@contextmanager
def swallowing() -> Iterator[Endpoint]:
    """A port where who comes waits for ever: its queue is full."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full:
        place = full.getsockname()
        with closing(socket.create_connection(place)), closing(socket.socket()) as second:
            second.setblocking(False)
            second.connect_ex(place)
            yield Endpoint(*place)


@asynccontextmanager
async def tunnel(
    server: Sshd, *wanted: Forward, **options: Any
) -> AsyncIterator[tuple[Forwards, asyncssh.SSHClientConnection]]:
    """Forwards over a connection."""
    forwards = Forwards()
    await forwards.want(wanted)
    conn = await server.connect(**options)
    try:
        await forwards.attach(conn)
        yield forwards, conn
    finally:
        forwards.detach()
        await forwards.close()
        conn.abort()
        await conn.wait_closed()


def port() -> Endpoint:
    """A port of this machine that nobody has now."""
    return Endpoint("127.0.0.1", free_port())


def local(to: Endpoint, probe: ProbeKind = "none", listen: Endpoint | None = None) -> Forward:
    """A forward that listens here, at any port where none is given."""
    return Forward("local", listen or port(), to, probe)


async def call(at: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to there."""
    if at.path:
        return await asyncio.open_unix_connection(at.path)
    return await asyncio.open_connection(at.host, at.port)


async def say(at: Endpoint, words: bytes) -> bytes:
    """What comes back for these words, which end what is said."""
    reader, writer = await call(at)
    writer.write(words)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def is_sent_away(at: Endpoint) -> bool:
    """Whether who comes there is told at once that there is nothing."""
    reader, writer = await call(at)
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True
    finally:
        writer.transport.abort()


async def until(condition: Callable[[], Any], what: str) -> None:
    """Wait for a condition, while everything else goes on."""
    await asyncio.to_thread(eventually, condition, what, 20)


def only(forwards: Forwards) -> ForwardReport:
    """The report of the one forward that there is."""
    (report,) = forwards.reports()
    return report
