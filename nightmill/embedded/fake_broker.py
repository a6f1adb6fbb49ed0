"""The broker where no Redis server is to be had: fakeredis behind a Unix socket.

As it comes, fakeredis listens on TCP only, takes a command line by line and answers each by
itself. Here a client's bytes go in as they arrive and all replies that are ready go out at once.
"""

import contextlib
import itertools
import select
import socket
import sys
from pathlib import Path
from typing import Any

from fakeredis._clients._tcp_server import TCPFakeRequestHandler, TcpFakeServer, encode_reply

#: How long a published event may wait for a client that says nothing itself.
POLL_S = 0.1
CHUNK = 64 * 1024


class Handler(TCPFakeRequestHandler):
    """One client, on a thread of its own; a blocking command blocks only that."""

    def handle(self) -> None:
        """Serve the client until it hangs up, be it in the middle of a reply."""
        with contextlib.suppress(ConnectionError):
            while self._answer_once():
                pass

    def _answer_once(self) -> bool:
        if replies := self._ready_replies():
            self.connection.sendall(replies)
        if not select.select([self.connection], [], [], POLL_S)[0]:
            return True
        asked = self.connection.recv(CHUNK)
        if asked:
            self.current_client.get_socket().sendall(asked)
        return bool(asked)

    def _ready_replies(self) -> bytes:
        ready = bytearray()
        replies = self.current_client.get_socket().responses
        while replies is not None and not replies.empty():
            ready += encode_reply(replies.get_nowait(), self.protocol_version)
        return bytes(ready)


class FakeBroker(TcpFakeServer):
    """fakeredis on a Unix socket."""

    address_family = socket.AF_UNIX
    request_queue_size = 128

    def __init__(self, path: Path) -> None:
        self._clients = itertools.count()
        path.unlink(missing_ok=True)
        super().__init__(str(path), server_version=(7, 2))  # type: ignore[arg-type]  # not a port
        self.RequestHandlerClass = Handler
        self.daemon_threads = True

    def get_request(self) -> tuple[socket.socket, Any]:
        """A new client, under a number: on a Unix socket all have the same empty address."""
        connection, _ = super().get_request()
        return connection, ("client", next(self._clients))


def main() -> None:
    """Serve on the socket named in the one argument, until killed."""
    FakeBroker(Path(sys.argv[1])).serve_forever()


if __name__ == "__main__":
    main()
