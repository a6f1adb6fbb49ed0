"""How others talk to a tunnel that runs: a line of JSON in and one out, on a Unix socket."""

import asyncio
import contextlib
import socket as sockets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec

from jobs.folders import make_private
from jobs.tunnels import TunnelReport

#: Seconds that either side may take for its line.
PATIENCE_S = 5.0
#: A report with more forwards than anybody has is shorter.
MAX_LINE = 1 << 20


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants of a tunnel: to say how it is, to go by its settings as they are now, or
    not to wait for its next try.
    """

    do: Literal["status", "reload", "retry"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    report: TunnelReport | None = None
    #: Why it was not done; empty where it was.
    fault: str = ""


@asynccontextmanager
async def answering(
    socket: Path, answer: Callable[[Request], Awaitable[Answer]]
) -> AsyncIterator[None]:
    """While this lasts, `answer` says what comes of what is asked on the socket.

    What an earlier process left at its path is removed: whoever calls this holds the tunnel's lock.
    Raises `OSError` where the socket cannot be made.
    """

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Somebody who says nothing, or has left, is no concern of the tunnel.
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(PATIENCE_S):
                line = await reader.readuntil(b"\n")
                writer.write(msgspec.json.encode(await _answered(line, answer)) + b"\n")
                await writer.drain()
        writer.close()

    listening = _bound(socket)
    server = await asyncio.start_unix_server(converse, sock=listening, limit=MAX_LINE)
    try:
        yield
    finally:
        server.close()
        _remove(socket)


def ask(socket: Path, request: Request) -> Answer | None:
    """What the tunnel at a socket answers; None where none runs.

    Raises `OSError` where one runs and does not answer.
    """
    with sockets.socket(sockets.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(str(socket))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        connection.sendall(msgspec.json.encode(request) + b"\n")
        with connection.makefile("rb") as answers:
            line = answers.readline(MAX_LINE)
    if not line.endswith(b"\n"):
        raise ConnectionResetError("the tunnel ended before it had answered")
    return msgspec.json.decode(line, type=Answer)


def _bound(socket: Path) -> sockets.socket:
    make_private(socket.parent)
    _remove(socket)
    bound = sockets.socket(sockets.AF_UNIX)
    try:
        bound.bind(str(socket))
        # Before it listens: nobody gets in meanwhile.
        socket.chmod(0o600)
    except BaseException:
        bound.close()
        raise
    return bound


def _remove(socket: Path) -> None:
    socket.unlink(missing_ok=True)


async def _answered(line: bytes, answer: Callable[[Request], Awaitable[Answer]]) -> Answer:
    try:
        request = msgspec.json.decode(line, type=Request)
    except msgspec.MsgspecError as error:
        return Answer(fault=f"expected a request as JSON: {error}")
    return await answer(request)
