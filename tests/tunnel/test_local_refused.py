"""Forwards that cannot listen here, or are not let through: what is told, and what helps."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from jobs.endpoints import Endpoint
from jobs.tunnels import Cause, ForwardState
from tests.tunnel.services import (
    call,
    echo,
    is_sent_away,
    local,
    only,
    port,
    redis,
    serving,
    tunnel,
)
from tests.tunnel.sshd import Sshd, hardened, running
from tunnel.local import LocalWay
from tunnel.traffic import Forwards


def test_a_port_that_is_taken_here_says_by_whom_and_is_had_once_it_is_free(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(redis) as to:
            forward = local(to, "redis")
            async with serving(echo, forward.listen), tunnel(sshd, forward) as (forwards, _):
                report = only(forwards)
                assert report.state is ForwardState.REFUSED
                assert f"(process {os.getpid()})" in report.reason
                assert forwards.causes == {forward: Cause.CONFIGURATION}
                assert not await forwards.probe(within_s=10)
            forwards = Forwards()
            async with serving(echo, forward.listen):
                await forwards.want((forward,))
                await forwards.mend()
                assert only(forwards).state is ForwardState.REFUSED
            await forwards.mend()
            assert only(forwards).state is ForwardState.CLOSED
            await forwards.close()

    asyncio.run(scene())


def test_the_same_port_twice_is_had_once(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(redis) as to, serving(echo) as other:
            first = local(to, "redis")
            async with tunnel(sshd, first, first._replace(to=other)) as (forwards, _):
                states = [report.state for report in forwards.reports()]
                assert states == [ForwardState.OPEN, ForwardState.REFUSED]
                assert "is taken here by" in forwards.reports()[1].reason

    asyncio.run(scene())


def test_whoever_is_cancelled_while_it_begins_to_listen_leaves_no_port_taken() -> None:
    async def scene() -> None:
        way = LocalWay(local(port()), lambda: 0.0)
        opening = asyncio.create_task(way.open(None))
        # It comes as far as it can at once, and then this.
        asyncio.get_running_loop().call_soon(opening.cancel)
        with pytest.raises(asyncio.CancelledError):
            await opening
        await way.stop()
        with pytest.raises(ConnectionRefusedError):
            await call(way.forward.listen)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        (Endpoint("203.0.113.7", 5000), "has no such address"),
        (Endpoint(path="/no/such/folder/socket"), "cannot be listened at here"),
    ],
)
def test_what_cannot_be_listened_at_is_told(listen: Endpoint, expected: str) -> None:
    async def scene() -> None:
        forwards = Forwards()
        await forwards.want((local(port(), listen=listen),))
        assert only(forwards).state is ForwardState.REFUSED
        assert expected in only(forwards).reason
        await forwards.close()

    asyncio.run(scene())


def test_a_socket_that_nobody_listens_at_is_replaced_and_no_other(tmp_path: Path) -> None:
    left, taken, file = (Endpoint(path=str(tmp_path / name)) for name in "abc")
    Path(file.path).write_text("not a socket")
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(left.path)

    async def scene() -> None:
        forwards = Forwards()
        async with serving(echo, taken):
            await forwards.want([local(port(), listen=each) for each in (left, taken, file)])
            states = [report.state for report in forwards.reports()]
            assert states == [ForwardState.CLOSED, ForwardState.REFUSED, ForwardState.REFUSED]
        await forwards.close()

    asyncio.run(scene())
    assert Path(file.path).read_text() == "not a socket"


@pytest.mark.parametrize("how", ["AllowTcpForwarding no", "DisableForwarding yes", "hardened"])
def test_a_server_that_does_not_let_through_says_what_would(
    sshd_program: str, tmp_path: Path, how: str
) -> None:
    config = hardened(opens=["127.0.0.1:1"]) if how == "hardened" else how

    async def scene(server: Sshd) -> None:
        async with serving(redis) as to, tunnel(server, local(to, "redis")) as (forwards, _):
            assert not await forwards.probe(within_s=10)
            assert f'permitopen="{to}"' in only(forwards).reason
            # Nor does a client hang.
            assert await is_sent_away(Endpoint.parse(only(forwards).listen))

    with running(tmp_path / "sshd", config=config) as server:
        asyncio.run(scene(server))


def test_a_key_that_may_open_this_only_is_enough(sshd_program: str, tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(redis) as to:
            with running(
                tmp_path / "sshd",
                config=hardened(opens=[str(to)]),
                key_options=f'restrict,port-forwarding,permitopen="{to}"',
            ) as server:
                async with tunnel(server, local(to, "redis")) as (forwards, _):
                    assert await forwards.probe(within_s=10)

    asyncio.run(scene())
