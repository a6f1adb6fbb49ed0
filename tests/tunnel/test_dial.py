"""Reaching a server, and names that lead to it."""

import asyncio
import socket
from contextlib import closing

import pytest

from jobs.endpoints import Endpoint
from jobs.tunnels import Cause
from tests.tunnel.services import echo, port, serving, swallowing
from tunnel.dial import reach
from tunnel.failures import TunnelError
from tunnel.names import Address, Names


class Resolver:
    """Knows where names lead, in the place of the system's."""

    def __init__(self) -> None:
        self.places: dict[str, list[tuple[int, tuple[object, ...]]]] = {}
        self.asked: list[str] = []
        self.names = Names(self._answer)

    def _answer(self, host: str, _port: int, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        if host not in self.places:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, 0, 0, "", place) for family, place in self.places[host]]


@pytest.fixture
def resolver() -> Resolver:
    return Resolver()


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def at(service: Endpoint) -> list[tuple[int, tuple[object, ...]]]:
    return [(socket.AF_INET, (service.host, service.port))]


def test_the_first_server_that_answers_is_taken(resolver: Resolver) -> None:
    async def scene() -> None:
        nobody = port()
        async with serving(echo) as service:
            resolver.places = {"lan": at(nobody), "wan": at(service)}
            reached = await reach([Endpoint("lan", 22), Endpoint("wan", 22)], resolver.names, 5)
            with closing(reached.socket):
                assert reached.address.server == Endpoint("wan", 22)
                assert reached.socket.getpeername()[1] == service.port

    asyncio.run(scene())


def test_a_server_that_says_nothing_does_not_hold_up_the_next_one(resolver: Resolver) -> None:
    async def scene() -> None:
        with swallowing() as silent:
            async with serving(echo) as service:
                resolver.places = {"lan": at(silent), "wan": at(service)}
                servers = [Endpoint("lan", 22), Endpoint("wan", 22)]
                reached = await reach(servers, resolver.names, 60)
                reached.socket.close()
                assert reached.address.server.host == "wan"

    asyncio.run(scene())


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_server_that_has_only_an_ipv6_address_is_reached() -> None:
    async def scene() -> None:
        with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)) as listening:
            server = Endpoint("::1", listening.getsockname()[1])
            reached = await reach([server], Names(), 5)
            with closing(reached.socket):
                assert reached.address.host == "::1"

    asyncio.run(scene())


def test_where_none_answers_it_says_why_of_each(resolver: Resolver) -> None:
    async def scene() -> None:
        nobody = port()
        resolver.places = {"lan": at(nobody)}
        with pytest.raises(TunnelError) as found:
            await reach([Endpoint("lan", 22), Endpoint("wan", 22)], resolver.names, 5)
        assert found.value.cause is Cause.UNREACHABLE
        assert "Nothing listens at lan:22 (127.0.0.1)" in str(found.value)
        assert "The name wan does not resolve (Name or service not known)" in str(found.value)

    asyncio.run(scene())


def test_a_name_is_looked_up_anew_each_time(resolver: Resolver) -> None:
    async def scene() -> None:
        names, server = resolver.names, Endpoint("mill", 22)
        for host in ("192.0.2.1", "192.0.2.2"):
            resolver.places["mill"] = [(socket.AF_INET, (host, 22))]
            assert await names.addresses(server, 5) == [Address(server, socket.AF_INET, (host, 22))]

    asyncio.run(scene())


def test_a_name_that_no_longer_resolves_leads_where_it_led(resolver: Resolver) -> None:
    async def scene() -> None:
        names, server = resolver.names, Endpoint("mill", 22)
        resolver.places["mill"] = [(socket.AF_INET, ("192.0.2.1", 22))]
        before = await names.addresses(server, 5)
        resolver.places.clear()
        assert await names.addresses(server, 5) == before
        assert resolver.asked == ["mill", "mill"]

    asyncio.run(scene())


def test_a_name_that_cannot_be_one_is_told_as_such() -> None:
    async def scene() -> None:
        with pytest.raises(TunnelError, match=r"does not resolve"):
            await Names().addresses(Endpoint("a" * 70 + ".example", 22), 5)

    asyncio.run(scene())
