"""What is left of connections that fell silent, until the server can be told that they are dead."""

import contextlib
import socket
import struct


class Leftover:
    """Keeps the sockets of dead connections open.

    To the server a connection that was cut off lives on, and holds the ports it listens at. A
    packet from the same socket that resets the connection ends that at once; it gets there only
    when the network is back, so the socket is kept until then.
    """

    def __init__(self) -> None:
        self._kept: list[socket.socket] = []

    def keep(self, twin: socket.socket) -> None:
        """Keep the twin of a socket that its owner has closed."""
        if len(self._kept) == _MOST:
            _reset(self._kept.pop(0))
        self._kept.append(twin)

    def reset(self) -> None:
        """Break all of them, on the wire too: the server is to be reached again."""
        while self._kept:
            _reset(self._kept.pop())

    def __len__(self) -> int:
        return len(self._kept)


#: Each new connection resets what there is, so more than one is rare.
_MOST = 8
#: Linger for no time: closing discards what was not sent, and resets the connection.
_AT_ONCE = struct.pack("ii", 1, 0)


def _reset(twin: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may have been reset by the other side meanwhile
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    twin.close()
