"""Ports for servers of one's own."""

import random
import socket
from contextlib import suppress

#: Below those that systems give to connections that go out: one of these would be taken again by
#: the time that a server has begun to listen.
_LOWEST, _HIGHEST = 20_000, 32_000


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody has now, and that hardly anybody takes before it is used."""
    for port in random.sample(range(_LOWEST, _HIGHEST), 100):
        with suppress(OSError), socket.socket() as probe:
            probe.bind((address, port))
            return port
    raise OSError("no port is free")
