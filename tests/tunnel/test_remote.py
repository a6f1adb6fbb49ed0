"""Forwards that listen on the server, through a real sshd."""

import asyncio
import os
from pathlib import Path

import pytest

from jobs.endpoints import Endpoint
from jobs.settings_tunnel import ProbeKind
from jobs.tunnels import Cause, ForwardState
from tests.tunnel.services import (
    call,
    echo,
    is_sent_away,
    mute,
    only,
    port,
    redis,
    reset,
    say,
    serving,
    tunnel,
    until,
)
from tests.tunnel.sshd import Sshd, hardened, running
from tunnel.forward import Forward
from tunnel.traffic import Forwards


def remote(to: Endpoint, probe: ProbeKind = "none", listen: Endpoint | None = None) -> Forward:
    return Forward("remote", listen or port(), to, probe)


def test_what_is_said_on_the_server_arrives_here_and_back(sshd: Sshd) -> None:
    text = os.urandom(1_000_000)

    async def scene() -> None:
        async with serving(echo) as to:
            forward = remote(to)
            async with tunnel(sshd, forward) as (forwards, _):
                assert await say(forward.listen, text) == text
                await until(lambda: only(forwards).open == 0, "the connection's end")
                report = only(forwards)
                assert (report.bytes_there, report.bytes_back) == (len(text), len(text))
                assert forwards.channels == 0

    asyncio.run(scene())


def test_the_server_listens_only_while_there_is_a_connection(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(echo) as to:
            forward = remote(to)
            async with tunnel(sshd, forward) as (forwards, conn):
                assert only(forwards).state is ForwardState.OPEN
                forwards.detach()
                assert only(forwards).state is ForwardState.CLOSED
                conn.abort()
                await until(lambda: not sshd.sessions(), "the server to notice")
                with pytest.raises(ConnectionRefusedError):
                    await call(forward.listen)

    asyncio.run(scene())


def test_it_is_asked_from_the_side_of_the_server(sshd: Sshd) -> None:
    async def scene() -> None:
        to = port()
        async with tunnel(sshd, remote(to, "redis")) as (forwards, _):
            assert not await forwards.probe(within_s=10)
            report = only(forwards)
            assert report.state is ForwardState.DEAD
            assert f"What is at {to} here closes the connection" in report.reason
            async with serving(redis, to):
                assert await forwards.probe(within_s=10)
                assert only(forwards).reason == ""
                assert only(forwards).bytes_there > 0

    asyncio.run(scene())


def test_a_service_here_that_says_nothing_is_dead(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(mute) as to, tunnel(sshd, remote(to, "http")) as (forwards, _):
            assert not await forwards.probe(within_s=0.5)
            assert only(forwards).reason.endswith("within 0.5 s.")

    asyncio.run(scene())


def test_a_change_takes_effect_on_the_server_without_a_new_connection(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(echo) as to, serving(redis) as other:
            first = remote(to)
            moved = remote(other, "redis", first.listen)
            async with tunnel(sshd, first) as (forwards, _):
                await forwards.want((moved,))
                assert await say(first.listen, b"PING\r\n") == b"+PONG\r\n"
                await forwards.want(())
                with pytest.raises(ConnectionRefusedError):
                    await call(first.listen)

    asyncio.run(scene())


def test_a_taken_port_of_the_server_is_had_once_it_is_free(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(redis) as to:
            forward = remote(to, "redis")
            # The earlier one is as a connection of ours that is not dead yet.
            async with (
                tunnel(sshd, forward) as (earlier, _),
                tunnel(sshd, forward) as (forwards, _),
            ):
                report = only(forwards)
                assert report.state is ForwardState.REFUSED
                assert "is taken on the server" in report.reason
                assert "ClientAliveInterval 15" in report.reason
                assert forwards.causes == {forward: Cause.PORT_HELD}
                await forwards.mend()
                assert only(forwards).state is ForwardState.REFUSED
                await earlier.want(())
                await forwards.mend()
                assert forwards.causes == {}
                assert await forwards.probe(within_s=10)

    asyncio.run(scene())


def test_a_port_that_may_not_be_listened_at_says_what_would_permit_it(
    sshd_program: str, tmp_path: Path
) -> None:
    forward = remote(port(), "redis")

    async def scene(server: Sshd) -> None:
        async with tunnel(server, forward) as (forwards, _):
            assert only(forwards).state is ForwardState.REFUSED
            assert forwards.causes == {forward: Cause.CONFIGURATION}
            assert f'permitlisten="{forward.listen}"' in only(forwards).reason

    config = hardened(listen=["127.0.0.1:1"], opens=[str(forward.listen)])
    with running(tmp_path / "sshd", config=config) as server:
        asyncio.run(scene(server))


def test_a_server_that_forbids_all_leaves_both_open(sshd_program: str, tmp_path: Path) -> None:
    async def scene(server: Sshd) -> None:
        async with tunnel(server, remote(port())) as (forwards, _):
            assert only(forwards).state is ForwardState.REFUSED
            assert "or not permitted" in only(forwards).reason

    with running(tmp_path / "sshd", config="AllowTcpForwarding no") as server:
        asyncio.run(scene(server))


def test_a_hardened_server_lets_through_what_was_agreed(sshd_program: str, tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(redis) as to:
            forward = remote(to, "redis")
            with running(
                tmp_path / "sshd",
                config=hardened(listen=[str(forward.listen)], opens=[str(forward.listen)]),
            ) as server:
                async with tunnel(server, forward) as (forwards, _):
                    assert await forwards.probe(within_s=10)
                    assert only(forwards).reason == ""

    asyncio.run(scene())


def test_where_the_server_may_not_be_asked_the_target_is(sshd_program: str, tmp_path: Path) -> None:
    async def scene() -> None:
        to = port()
        forward = remote(to, "redis")
        with running(
            tmp_path / "sshd", config=hardened(listen=[str(forward.listen)], opens=["127.0.0.1:1"])
        ) as server:
            async with tunnel(server, forward) as (forwards, _):
                assert not await forwards.probe(within_s=10)
                assert "does not answer (Connection refused)" in only(forwards).reason
                async with serving(redis, to):
                    assert await forwards.probe(within_s=10)
                report = only(forwards)
                assert report.state is ForwardState.UP
                assert "its sshd does not let us ask it" in report.reason

    asyncio.run(scene())


def test_a_target_that_breaks_every_connection_is_dead(sshd_program: str, tmp_path: Path) -> None:
    forward = remote(port(), "redis")
    config = hardened(listen=[str(forward.listen)], opens=["127.0.0.1:1"])

    async def scene(server: Sshd) -> None:
        async with serving(reset, forward.to), tunnel(server, forward) as (forwards, _):
            assert not await forwards.probe(within_s=10)
            assert only(forwards).state is ForwardState.DEAD
            assert "breaks the connection" in only(forwards).reason

    with running(tmp_path / "sshd", config=config) as server:
        asyncio.run(scene(server))


def test_a_socket_on_the_server_is_taken_over_at_once(sshd_program: str, tmp_path: Path) -> None:
    async def scene(server: Sshd) -> None:
        listen = Endpoint(path=str(server.folder / "socket"))
        async with serving(redis) as to:
            forward = remote(to, "redis", listen)
            async with tunnel(server, forward), tunnel(server, forward) as (forwards, _):
                assert await forwards.probe(within_s=10)
                assert await say(listen, b"PING\r\n") == b"+PONG\r\n"
                # Only here is the later connection the one that is asked.
                assert only(forwards).opened > 0

    with running(tmp_path / "sshd", config="StreamLocalBindUnlink yes") as server:
        asyncio.run(scene(server))


def test_a_port_that_the_server_no_longer_listens_at_is_asked_for_again(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(redis) as to:
            forward = remote(to, "redis")
            async with tunnel(sshd, forward) as (forwards, conn):
                assert await forwards.probe(within_s=10)
                await conn.close_client_tcp_listener(forward.listen.host, forward.listen.port)
                await is_had_again(forwards)

    asyncio.run(scene())


def test_a_socket_that_is_gone_on_the_server_is_asked_for_again(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(redis) as to:
            forward = remote(to, "redis", Endpoint(path=str(sshd.folder / "socket")))
            async with tunnel(sshd, forward) as (forwards, _):
                assert await forwards.probe(within_s=10)
                await asyncio.to_thread(Path(forward.listen.path).unlink)
                await is_had_again(forwards)

    asyncio.run(scene())


async def is_had_again(forwards: Forwards) -> None:
    """That its one forward is gone is noticed, and mended."""
    assert not await forwards.probe(within_s=10)
    assert only(forwards).state is ForwardState.REFUSED
    assert "does not listen" in only(forwards).reason
    await forwards.mend()
    assert await forwards.probe(within_s=10)
    assert (only(forwards).state, only(forwards).reason) == (ForwardState.UP, "")


def test_a_socket_file_in_the_way_says_what_would_help(sshd: Sshd) -> None:
    listen = Endpoint(path=str(sshd.folder / "socket"))
    Path(listen.path).touch()

    async def scene() -> None:
        async with tunnel(sshd, remote(port(), "redis", listen)) as (forwards, _):
            assert only(forwards).state is ForwardState.REFUSED
            assert "StreamLocalBindUnlink yes" in only(forwards).reason

    asyncio.run(scene())


def test_a_socket_that_only_listens_is_not_asked(sshd_program: str, tmp_path: Path) -> None:
    async def scene(server: Sshd) -> None:
        async with serving(redis) as to:
            forward = remote(to, "redis", Endpoint(path=str(server.folder / "socket")))
            async with tunnel(server, forward) as (forwards, _):
                assert await forwards.probe(within_s=10)
                assert "AllowStreamLocalForwarding yes" in only(forwards).reason
                assert await say(forward.listen, b"PING\r\n") == b"+PONG\r\n"

    with running(tmp_path / "sshd", config="AllowStreamLocalForwarding remote") as server:
        asyncio.run(scene(server))


def test_who_comes_while_nothing_is_here_is_sent_away(sshd: Sshd) -> None:
    async def scene() -> None:
        forward = remote(port())
        async with tunnel(sshd, forward) as (forwards, _):
            assert await is_sent_away(forward.listen)
            await until(lambda: only(forwards).open == 0, "it to be given up")

    asyncio.run(scene())
