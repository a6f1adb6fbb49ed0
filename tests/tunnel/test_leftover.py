import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tunnel.leftover import Leftover


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening


def pair(listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    """The twin of a socket that was closed, and the other end of the connection."""
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    theirs.settimeout(10)
    twin = ours.dup()
    ours.close()
    return twin, theirs


def test_the_other_side_hears_nothing_until_it_is_reset(listener: socket.socket) -> None:
    leftover = Leftover()
    twin, theirs = pair(listener)
    leftover.keep(twin)
    theirs.setblocking(False)
    with closing(theirs):
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
        theirs.settimeout(10)
        leftover.reset()
        with pytest.raises(ConnectionResetError):
            theirs.recv(1)
    assert len(leftover) == 0
    assert twin.fileno() == -1


def test_what_is_kept_has_a_limit(listener: socket.socket) -> None:
    leftover = Leftover()
    pairs = [pair(listener) for _ in range(12)]
    for twin, _ in pairs:
        leftover.keep(twin)
    assert len(leftover) == 8
    leftover.reset()
    for _, theirs in pairs:
        theirs.close()


def test_one_that_the_other_side_has_reset_is_closed_without_a_word(
    listener: socket.socket,
) -> None:
    leftover = Leftover()
    twin, theirs = pair(listener)
    theirs.close()
    leftover.keep(twin)
    leftover.reset()
    assert twin.fileno() == -1
