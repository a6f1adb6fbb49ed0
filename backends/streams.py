"""Lines and server-sent events out of bytes, as they come from a stream."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple

from backends.errors import RetryNowError

#: Bytes; no server has that much to say in one go, and without a limit it would pile up here.
MAX_LINE = 4_000_000


class Event(NamedTuple):
    """One server-sent event."""

    #: `message` unless the server says otherwise; `error` where it uses that as a field, too.
    name: str
    data: bytes


Chunks = AsyncGenerator[bytes, None]


async def lines_of(chunks: Chunks) -> Chunks:
    """The lines without their ends; the rest after the last end is a line, too.

    Raises `RetryNowError` for a line without an end.
    """
    rest = bytearray()
    searched = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            rest += chunk
            while (end := rest.find(b"\n", searched)) >= 0:
                line = bytes(rest[:end])
                del rest[: end + 1]
                searched = 0
                yield line.removesuffix(b"\r")
            searched = len(rest)
            if searched > MAX_LINE:
                raise RetryNowError(f"The server sent a line of more than {MAX_LINE:,} bytes.")
    if rest:
        yield bytes(rest)


async def events_of(chunks: Chunks) -> AsyncGenerator[Event, None]:
    """The events that have data; comments, which only keep a connection alive, are left out."""
    name, data = "message", list[bytes]()
    async with aclosing(lines_of(chunks)) as lines:
        async for line in lines:
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            match field:
                case b"data":
                    data.append(value)
                case b"error":
                    name = "error"
                    data.append(value)
                case b"event":
                    name = value.decode("utf-8", "replace")
            if not line:
                if data:
                    yield Event(name, b"\n".join(data))
                name, data = "message", []
    if data:
        yield Event(name, b"\n".join(data))
