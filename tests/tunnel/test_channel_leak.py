"""Clients that leave while their channel is being opened leave nothing behind."""

import asyncio
import socket
import struct

import asyncssh

from jobs.endpoints import Endpoint
from tests.tunnel.services import only, port, redis, serving, tunnel, until
from tests.tunnel.sshd import Sshd
from tunnel.forward import Forward

CLIENTS = 100


def come_and_go(at: Endpoint, *, rudely: bool = True) -> None:
    """Connect, and leave at once."""
    with socket.create_connection((at.host, at.port), 10) as caller:
        if rudely:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_no_channel_is_left_of_clients_that_left_early(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(redis) as to:
            forward = Forward("local", port(), to, "redis")
            async with tunnel(sshd, forward) as (forwards, conn):
                # Nobody gets a channel before all clients are gone.
                sshd.freeze()
                for number in range(CLIENTS):
                    await asyncio.to_thread(come_and_go, forward.listen, rudely=number % 2 == 0)
                await until(lambda: only(forwards).opened == CLIENTS, "all to be asked for")
                assert forwards.channels == CLIENTS
                sshd.thaw()
                await until(lambda: not forwards.channels, "all channels to be closed")
                assert only(forwards).open == 0
                # What asyncssh counts is the same.
                assert not conn._channels

    asyncio.run(scene())


def test_asyncssh_s_own_forward_leaves_channels_behind(sshd: Sshd) -> None:
    """Why ours is not built upon it. Where this fails, that fault is mended: look at it anew."""

    async def scene() -> None:
        async with serving(redis) as to, tunnel(sshd) as (_, conn):
            listener = await conn.forward_local_port("127.0.0.1", 0, to.host, to.port)
            at = Endpoint("127.0.0.1", listener.get_port())
            sshd.freeze()
            for _number in range(CLIENTS):
                await asyncio.to_thread(come_and_go, at)
            await until(lambda: len(conn._channels) == CLIENTS, "all to be asked for")
            sshd.thaw()
            # Whatever was asked for before this has been answered when it is.
            assert await asyncio.wait_for(_ask(conn, to), 10) == b"+PONG\r\n"
            assert len(conn._channels) > CLIENTS / 2
            listener.close()

    asyncio.run(scene())


def test_a_question_that_is_given_up_leaves_no_channel(sshd: Sshd) -> None:
    async def scene() -> None:
        forward = Forward("local", port(), port(), "redis")
        async with serving(redis, forward.to), tunnel(sshd, forward) as (forwards, conn):
            sshd.freeze()
            assert not await forwards.probe(within_s=0.05)
            assert forwards.channels == 1
            sshd.thaw()
            await until(lambda: not forwards.channels, "the late channel to be closed")
            assert not conn._channels

    asyncio.run(scene())


async def _ask(conn: asyncssh.SSHClientConnection, to: Endpoint) -> bytes:
    reader, writer = await conn.open_connection(to.host, to.port)
    writer.write(b"PING\r\n")
    answer: bytes = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer
