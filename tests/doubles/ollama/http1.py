"""Just enough HTTP/1.1 to say anything to a client, well-formed or not."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Request:
    """What a client sent; `remote_gone` is nowhere here: its handler is cancelled instead."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    """An answer line by line. Nothing is sent, not even headers, before the first line."""

    lines: AsyncGenerator[bytes, None]
    content_type: str = NDJSON


class CutError(Exception):
    """The connection breaks here, in the middle of whatever is being said."""


def json_reply(value: Any, status: int = 200) -> Reply:
    """A JSON value as a whole answer."""
    return Reply(status, json.dumps(value).encode())


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the client has closed it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").rstrip().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (h.partition(":") for h in rest)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, path, _ = first.split(" ", 2)
    return Request(method, path, headers, body)


async def write_reply(writer: asyncio.StreamWriter, reply: Reply) -> None:
    """Send a whole answer."""
    headers = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body))}
    writer.write(_head(reply.status, headers | dict(reply.headers)) + reply.body)
    await writer.drain()


async def write_stream(writer: asyncio.StreamWriter, stream: Stream) -> None:
    """Send lines in chunks as they come."""
    headers = {"Content-Type": stream.content_type, "Transfer-Encoding": "chunked"}
    head = _head(200, headers)
    async with aclosing(stream.lines) as lines:
        async for line in lines:
            writer.write(head + b"%x\r\n%s\r\n" % (len(line), line))
            head = b""
            await writer.drain()
    writer.write(head + b"0\r\n\r\n")
    await writer.drain()


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    # 499 is nobody's standard.
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Status"
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
