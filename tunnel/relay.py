"""One connection through a forward: what comes in on either side goes out on the other.

The side that is slow makes the other one wait: nothing piles up here. Either side may end what it
says and go on listening. A side that breaks breaks the other one, too.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from jobs.tunnels import Direction
from tunnel.line import Line, Session

#: Closing throws away what was not sent, and tells the other side that it broke.
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Tally:
    """What went through one forward so far."""

    open: int = 0
    opened: int = 0
    bytes_there: int = 0
    bytes_back: int = 0

    def there(self, size: int) -> None:
        """From where it listens to where it leads."""
        self.bytes_there += size

    def back(self, size: int) -> None:
        """The other way."""
        self.bytes_back += size


class _Pipe(Protocol):
    """What asyncio's transports and asyncssh's channels have in common."""

    def write(self, data: bytes, /) -> None: ...
    def write_eof(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def is_closing(self) -> bool: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class _End:
    """One side. Its pipe is None before it is connected, and after it was lost."""

    def __init__(self, count: Callable[[int], None], on_over: Callable[[], None]) -> None:
        self.pipe: _Pipe | None = None
        #: Whether nothing more will come from it.
        self.has_ended = False
        #: Whether it will never have a pipe again.
        self.is_over = False
        self._count = count
        self._on_over = on_over
        self.other: _End

    def take(self, data: bytes) -> None:
        """Something came in."""
        self._count(len(data))
        self.other.give(data)

    def give(self, data: bytes) -> None:
        """Send something out."""
        if self.pipe is not None and not self.pipe.is_closing():
            self.pipe.write(data)

    def end(self) -> None:
        """Nothing more comes in."""
        self.has_ended = True
        self.other.finish()
        if self.other.has_ended:
            self.close()
            self.other.close()

    def finish(self) -> None:
        """Nothing more goes out."""
        if self.pipe is not None and not self.pipe.is_closing():
            # It may have been reset, which its loss will tell.
            with contextlib.suppress(OSError):
                self.pipe.write_eof()

    def lose(self, *, broken: bool) -> None:
        """It is closed, by whomever."""
        self.pipe = None
        if broken:
            self.other.cut()
        else:
            self.other.close()
        self._finally()

    def close(self) -> None:
        """Close it once all was sent."""
        if self.pipe is not None:
            self.pipe.close()

    def cut(self) -> None:
        """Close it now."""
        if self.pipe is not None:
            self.pipe.abort()

    def forsake(self) -> None:
        """There will be no pipe."""
        if self.pipe is None:
            self._finally()

    def pause_writing(self) -> None:
        """What was given is not sent yet: let the other side wait."""
        if self.other.pipe is not None:
            self.other.pipe.pause_reading()

    def resume_writing(self) -> None:
        """It was."""
        if self.other.pipe is not None:
            self.other.pipe.resume_reading()

    def _finally(self) -> None:
        if not self.is_over:
            self.is_over = True
            self._on_over()


class _SocketEnd(_End, asyncio.Protocol):
    """The side on this machine. It is not read before the other side is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.pipe = cast("asyncio.Transport", transport)
        self.pipe.pause_reading()
        if self.is_over:
            self.cut()

    def data_received(self, data: bytes) -> None:
        self.take(data)

    def eof_received(self) -> bool:
        self.end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose(broken=exc is not None)

    def cut(self) -> None:
        if isinstance(self.pipe, asyncio.Transport):
            # A clean end could be taken for the end of an answer.
            with contextlib.suppress(OSError):
                self.pipe.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _RESET
                )
            self.pipe.abort()


class _ChannelEnd(_End, Session):
    """The side that leads to the server."""

    def __init__(
        self, line: Line, count: Callable[[int], None], on_over: Callable[[], None]
    ) -> None:
        _End.__init__(self, count, on_over)
        Session.__init__(self, line)

    def connection_made(self, chan: Any) -> None:
        self.pipe = chan
        Session.connection_made(self, chan)
        if self.other.pipe is None:
            chan.abort()
        else:
            self.other.pipe.resume_reading()

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        Session.data_received(self, data, datatype)
        self.take(data)

    def eof_received(self) -> bool:
        self.end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        Session.connection_lost(self, exc)
        self.lose(broken=exc is not None)


class Relay:
    """Both sides, and what was counted; over when both are closed."""

    def __init__(
        self, direction: Direction, line: Line, tally: Tally, on_over: Callable[["Relay"], None]
    ) -> None:
        from_socket, from_channel = tally.there, tally.back
        if direction == "remote":
            from_socket, from_channel = from_channel, from_socket
        self.socket = _SocketEnd(from_socket, self._settle)
        self.channel = _ChannelEnd(line, from_channel, self._settle)
        self.socket.other, self.channel.other = self.channel, self.socket
        #: The channel is being opened.
        self.opening: asyncio.Future[None] | None = None
        self._on_over = on_over

    def cut(self) -> None:
        """End it now, however far it is."""
        self.channel.give_up()
        for end in (self.socket, self.channel):
            end.cut()
            end.forsake()

    def _settle(self) -> None:
        if self.socket.is_over and self.channel.is_over:
            self._on_over(self)
