"""Reaching a server: all of its addresses, each after a head start of the one before it."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from jobs.endpoints import Endpoint
from jobs.tunnels import Cause
from tunnel.failures import TunnelError, unreached
from tunnel.names import Address, Names

#: Seconds for which an address is tried alone before the next one is, too: the first one wins.
HEAD_START_S = 0.5


class Reached(NamedTuple):
    """A server that took the connection, and has not said a word yet."""

    address: Address
    socket: socket.socket


async def reach(
    servers: Sequence[Endpoint],
    names: Names,
    within_s: float,
    on_resolved: Callable[[Endpoint], None] = lambda _server: None,
) -> Reached:
    """Connect to the first server that answers; each address has so many seconds.

    Raises:
        TunnelError: none did; it says why of each.
    """

    async def one(server: Endpoint) -> Reached:
        addresses = await names.addresses(server, within_s)
        on_resolved(server)
        return await _first(partial(connect, address, within_s) for address in addresses)

    return await _first(partial(one, server) for server in servers)


async def connect(address: Address, within_s: float) -> Reached:
    """Connect to one address of a server.

    Raises:
        TunnelError: it cannot be reached within so many seconds.
    """
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:  # a system without IPv6
        raise unreached(address.server, address.host, error) from None
    try:
        sock.setblocking(False)
        async with asyncio.timeout(within_s):
            await asyncio.get_running_loop().sock_connect(sock, address.place)
    except OSError as error:  # what a time-out is, too
        sock.close()
        raise unreached(address.server, address.host, error) from None
    except BaseException:
        sock.close()
        raise
    return Reached(address, sock)


async def _first(ways: Iterable[Callable[[], Awaitable[Reached]]]) -> Reached:
    """What the first way that leads there reached; a new one begins when another has failed."""
    coming, failures = list(ways), list[str]()
    running: set[asyncio.Future[Reached]] = set()
    try:
        while coming or running:
            if coming:
                running.add(asyncio.ensure_future(coming.pop(0)()))
            head_start_s = HEAD_START_S if coming else None
            done, _ = await asyncio.wait(
                running, timeout=head_start_s, return_when=asyncio.FIRST_COMPLETED
            )
            for way in done:
                try:
                    reached = way.result()
                except TunnelError as failure:
                    failures.append(str(failure))
                    running.discard(way)
                else:
                    running.discard(way)
                    return reached
    finally:
        await _discard(running)
    raise TunnelError(Cause.UNREACHABLE, " ".join(dict.fromkeys(failures)))


async def _discard(running: set[asyncio.Future[Reached]]) -> None:
    for way in running:
        way.cancel()
    for late in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(late, Reached):
            late.socket.close()
