"""What the front and its child say to each other: length-prefixed msgpack on two pipes.

The pipes are made for this alone. Standard output would not do: one stray print of a library
would break a frame.
"""

import os
import struct
import threading
from collections.abc import Iterator
from typing import Literal

import msgspec

from jobs.codes import ErrorCode
from jobs.model import GenerationRequest

_LENGTH = struct.Struct(">I")
#: Far above any prompt that the input lets in; a longer one means that the stream is broken.
_MAX_FRAME = 1 << 28
_READ_SIZE = 1 << 16


class Load(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The first word to a child: the one model of its life."""

    name: str
    path: str
    #: Tokens of prompt and answer together; 0 if unknown.
    context: int
    #: Rows that are generated at once.
    slots: int


class Generate(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Answer one request; it is known as row `id` from here on."""

    id: int
    request: GenerationRequest


class Cancel(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Nobody waits for row `id` any more. A row that has ended is not answered again."""

    id: int


class Loaded(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The model is in memory; rows may come."""

    name: str


class NotLoaded(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The model could not be loaded; the child ends."""

    message: str
    #: Whether trying again is pointless until somebody changes the model's files.
    is_lasting: bool


class Finished(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A row that came to its own end."""

    id: int
    text: str
    reasoning: str | None
    finish_reason: Literal["stop", "length"]
    input_tokens: int
    output_tokens: int


class Report(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What happened in a step, for all rows at once; an empty one is a sign of life."""

    #: Row and its tokens so far.
    progress: tuple[tuple[int, int], ...] = ()
    finished: tuple[Finished, ...] = ()
    cancelled: tuple[int, ...] = ()


class Refused(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A row that cannot be generated as it was asked for."""

    id: int
    code: ErrorCode
    message: str


class Crashed(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A step raised, and took the rows that were in it along."""

    ids: tuple[int, ...]
    message: str


ToChild = Load | Generate | Cancel
ToFront = Loaded | NotLoaded | Report | Refused | Crashed

_to_child: msgspec.msgpack.Decoder[ToChild] = msgspec.msgpack.Decoder(ToChild)
_to_front: msgspec.msgpack.Decoder[ToFront] = msgspec.msgpack.Decoder(ToFront)


def encode(message: ToChild | ToFront) -> bytes:
    """The frame of a message; `UnicodeEncodeError` if a text in it is not Unicode."""
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


def decode_to_child(body: bytes) -> ToChild:
    """What the front said; anything else raises `msgspec.DecodeError`."""
    return _to_child.decode(body)


def decode_to_front(body: bytes) -> ToFront:
    """What the child said; anything else raises `msgspec.DecodeError`."""
    return _to_front.decode(body)


class FrameBuffer:
    """Cuts a stream of bytes, however it arrives, into the bodies of its frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that `data` completes; a length beyond reason raises `ValueError`."""
        self._pending += data
        while len(self._pending) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._pending)
            if length > _MAX_FRAME:
                raise ValueError(f"expected a frame of at most {_MAX_FRAME} bytes, got {length}")
            end = _LENGTH.size + length
            if len(self._pending) < end:
                return
            body = bytes(self._pending[_LENGTH.size : end])
            del self._pending[:end]
            yield body


def read_bodies(fd: int) -> Iterator[bytes]:
    """The bodies of all frames until the other side closes the pipe; blocks between them."""
    buffer = FrameBuffer()
    while data := os.read(fd, _READ_SIZE):
        yield from buffer.feed(data)


class FrameWriter:
    """Writes whole frames to a blocking pipe, from any thread."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def send(self, message: ToFront) -> None:
        """Write one message; `BrokenPipeError` when nobody reads any more."""
        frame = memoryview(encode(message))
        with self._lock:
            while frame:
                frame = frame[os.write(self._fd, frame) :]
