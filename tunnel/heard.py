"""Whether the server is heard: anything that comes counts, also an answer that no channel sees."""

import socket
from collections.abc import Callable
from typing import Self


class Heard:
    """When the last byte came from the server."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.at = float("-inf")
        self._clock = clock

    def note(self) -> None:
        """One came now."""
        self.at = self._clock()


class HeardSocket(socket.socket):
    """A socket that tells when something came: asyncssh does not, of what it answers itself."""

    on_bytes: Callable[[], None]

    @classmethod
    def instead_of(cls, sock: socket.socket, on_bytes: Callable[[], None]) -> Self:
        """Take the place of a socket, which is of no use any more."""
        heard = cls(sock.family, sock.type, sock.proto, fileno=sock.detach())
        heard.setblocking(False)
        heard.on_bytes = on_bytes
        return heard

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read what came; asyncio's loop reads with this."""
        data = super().recv(bufsize, flags)
        if data:
            self.on_bytes()
        return data
