"""Forwards that listen here, through a real sshd."""

import asyncio
import hashlib
import random
import socket
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from sqlalchemy import URL

from jobs.endpoints import Endpoint
from jobs.tunnels import ForwardState
from nightmill.embedded.broker import EmbeddedBroker
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lifeline import Lifeline
from tests.tunnel.services import (
    call,
    echo,
    hang_up,
    is_sent_away,
    local,
    mute,
    only,
    port,
    redis,
    say,
    serving,
    swallowing,
    tunnel,
    until,
)
from tests.tunnel.sshd import Sshd
from tunnel.traffic import Forwards


def test_what_is_said_here_arrives_there_and_back(sshd: Sshd) -> None:
    text = random.Random(1).randbytes(3_000_000)

    async def scene() -> None:
        async with serving(echo) as to:
            forward = local(to)
            async with tunnel(sshd, forward) as (forwards, _):
                answer = await say(forward.listen, text)
                assert hashlib.sha256(answer).digest() == hashlib.sha256(text).digest()
                await until(lambda: only(forwards).open == 0, "the connection's end")
                report = only(forwards)
                assert (report.bytes_there, report.bytes_back) == (len(text), len(text))
                assert report.opened == 1

    asyncio.run(scene())


def test_many_talk_at_once(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(echo) as to:
            forward = local(to)
            async with tunnel(sshd, forward) as (forwards, _):
                words = [b"word %d" % number for number in range(100)]
                said = await asyncio.gather(*(say(forward.listen, word) for word in words))
                assert said == words
                await until(lambda: forwards.channels == 0, "all channels to be closed")

    asyncio.run(scene())


def test_unix_sockets_are_forwarded_alike(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(echo, Endpoint(path=str(sshd.folder / "there"))) as to:
            forward = local(to, listen=Endpoint(path=str(sshd.folder / "here")))
            async with tunnel(sshd, forward):
                assert await say(forward.listen, b"hello") == b"hello"
                assert (sshd.folder / "here").stat().st_mode & 0o777 == 0o600
            assert not (sshd.folder / "here").exists()

    asyncio.run(scene())


def test_who_does_not_read_makes_the_server_wait(sshd: Sshd) -> None:
    plenty = 256 * 2**20

    async def gush(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(plenty // 2**20):
            writer.write(bytes(2**20))
            await writer.drain()

    async def scene() -> None:
        async with serving(gush) as to, serving(redis) as other:
            forward, second = local(to), local(other, "redis")
            async with tunnel(sshd, forward, second) as (forwards, _):
                _, writer = await call(forward.listen)
                writer.transport.pause_reading()
                await until(lambda: forwards.reports()[0].bytes_back > 2**20, "something to come")
                # Others go on meanwhile.
                assert await say(second.listen, b"PING\r\n") == b"+PONG\r\n"
                assert forwards.reports()[0].bytes_back < 32 * 2**20
                writer.transport.abort()

    asyncio.run(scene())


def test_a_port_stays_ours_while_there_is_no_connection(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(echo) as to:
            forward = local(to)
            async with tunnel(sshd, forward) as (forwards, conn):
                forwards.detach()
                assert only(forwards).state is ForwardState.CLOSED
                assert await is_sent_away(forward.listen)
                with pytest.raises(OSError, match="in use"), socket.socket() as other:
                    other.bind((forward.listen.host, forward.listen.port))
                await forwards.attach(conn)
                assert await say(forward.listen, b"again") == b"again"

    asyncio.run(scene())


def test_who_talks_when_the_connection_breaks_is_told(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(echo) as to:
            forward = local(to)
            async with tunnel(sshd, forward) as (forwards, _):
                reader, writer = await call(forward.listen)
                writer.write(b"hello")
                assert await reader.readexactly(5) == b"hello"
                sshd.stop()
                # No clean end, which could be taken for the end of an answer.
                with pytest.raises(ConnectionResetError):
                    await reader.read()
                await until(lambda: only(forwards).open == 0, "it to be given up")
                writer.close()

    asyncio.run(scene())


def test_a_change_leaves_alone_what_stays(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(echo) as to, serving(redis) as other:
            stays, goes = local(to), local(to)
            moves = goes._replace(to=other, probe="redis")
            async with tunnel(sshd, stays, goes) as (forwards, _):
                reader, writer = await call(stays.listen)
                await forwards.want((stays, moves))
                writer.write(b"still here")
                assert await reader.readexactly(10) == b"still here"
                assert await say(moves.listen, b"PING\r\n") == b"+PONG\r\n"
                await forwards.want((moves,))
                with pytest.raises(ConnectionRefusedError):
                    await call(stays.listen)
                writer.close()

    asyncio.run(scene())


def test_a_service_that_answers_is_up(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(redis) as to, tunnel(sshd, local(to, "redis")) as (forwards, _):
            assert only(forwards).state is ForwardState.OPEN
            assert forwards.heard_at == float("-inf")
            assert await forwards.probe(within_s=10)
            report = only(forwards)
            assert (report.state, report.reason) == (ForwardState.UP, "")
            assert report.rtt_ms is not None
            assert report.answered_s is not None
            assert forwards.heard_at > 0
            # A probe is no connection of anybody's.
            assert report.opened == 0
            await until(lambda: forwards.channels == 0, "the probe's channel to be closed")

    asyncio.run(scene())


def test_a_real_postgres_and_a_real_redis_answer(
    sshd: Sshd, postgres_server_url: URL, tmp_path: Path
) -> None:
    url, lifeline, data_dir = postgres_server_url, Lifeline(), DataDir(tmp_path / "data")
    postgres = (
        Endpoint(url.host, url.port or 5432)
        if url.host
        else Endpoint(path=f"{url.query['host']}/.s.PGSQL.{url.port or 5432}")
    )
    data_dir.prepare()
    broker = EmbeddedBroker(data_dir, lifeline.fd)

    async def scene() -> None:
        broker_at = Endpoint(path=broker.url.partition("://")[2].partition("?")[0])
        wanted = local(postgres, "postgres"), local(broker_at, "redis")
        async with tunnel(sshd, *wanted) as (forwards, _):
            assert await forwards.probe(within_s=10), forwards.reports()

    try:
        broker.start()
        asyncio.run(scene())
    finally:
        broker.stop()
        lifeline.cut()


def test_who_talks_when_forwards_are_closed_may_end_it(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(echo) as to:
            forward = local(to)
            async with tunnel(sshd, forward) as (forwards, _):
                reader, writer = await call(forward.listen)
                writer.write(b"last ")
                assert await reader.readexactly(5) == b"last "
                closing = asyncio.create_task(forwards.close())
                writer.write(b"words")
                writer.write_eof()
                assert await reader.read() == b"words"
                writer.close()
                await closing
                assert forwards.reports() == ()
                with pytest.raises(ConnectionRefusedError):
                    await call(forward.listen)

    asyncio.run(scene())


def test_who_stays_when_forwards_are_closed_is_cut(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunnel.way.DRAIN_S", 0.05)

    async def scene() -> None:
        async with serving(echo) as to:
            forward = local(to)
            async with tunnel(sshd, forward) as (forwards, _):
                reader, writer = await call(forward.listen)
                await until(lambda: only(forwards).open == 1, "it to be there")
                await forwards.close()
                with pytest.raises(ConnectionResetError):
                    await reader.read()
                writer.close()

    asyncio.run(scene())


def test_each_dead_service_is_named(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(hang_up) as closing, serving(mute) as silent, serving(echo) as other:
            wanted = (
                local(port(), "redis"),
                local(closing, "http"),
                local(closing),
                local(silent, "redis"),
                local(other, "redis"),
            )
            async with tunnel(sshd, *wanted) as (forwards, _):
                assert not await forwards.probe(within_s=1)
                states = {report.state for report in forwards.reports()}
                reasons = [report.reason for report in forwards.reports()]
                assert states == {ForwardState.DEAD}
                assert reasons[0].startswith(f"Nothing answers at {wanted[0].to} on the server")
                assert "closes the connection without an answer" in reasons[1]
                assert "closes every connection at once" in reasons[2]
                assert reasons[3].endswith("within 1 s.")
                assert "answers, but not as redis does" in reasons[4]

    asyncio.run(scene())


def test_a_channel_that_is_closed_as_soon_as_it_is_open_is_no_answer() -> None:
    class Closing(asyncssh.SSHTCPSession[bytes]):
        def connection_made(self, chan: Any) -> None:
            chan.close()

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

        def connection_requested(self, *_: Any) -> Closing:
            return Closing()

    async def scene() -> None:
        forwards, key = Forwards(), asyncssh.generate_private_key("ssh-ed25519")
        await forwards.want([local(port(), "redis")])
        async with (
            await asyncssh.listen(
                "127.0.0.1", 0, server_factory=Server, server_host_keys=[key]
            ) as server,
            asyncssh.connect(
                "127.0.0.1", server.get_port(), known_hosts=None, config=None, agent_path=None
            ) as conn,
        ):
            await forwards.attach(conn)
            assert not await forwards.probe(within_s=10)
            assert only(forwards).state is ForwardState.DEAD
            assert "closes the connection without an answer" in only(forwards).reason
            await forwards.close()

    asyncio.run(scene())


def test_what_is_never_reached_is_asked_once_at_a_time(sshd: Sshd) -> None:
    async def scene() -> None:
        with swallowing() as to:
            async with tunnel(sshd, local(to, "redis")) as (forwards, _):
                for _ in range(3):
                    assert not await forwards.probe(within_s=0.1)
                    assert only(forwards).reason.endswith("within 0.1 s.")
                assert forwards.channels == 1

    asyncio.run(scene())


def test_a_service_that_comes_back_is_up_again(sshd: Sshd) -> None:
    async def scene() -> None:
        to = port()
        async with tunnel(sshd, local(to, "redis")) as (forwards, _):
            assert not await forwards.probe(within_s=10)
            async with serving(redis, to):
                assert await forwards.probe(within_s=10)
                assert only(forwards).reason == ""

    asyncio.run(scene())


def test_a_server_that_fell_silent_does_not_answer(sshd: Sshd) -> None:
    async def scene() -> None:
        async with serving(redis) as to, tunnel(sshd, local(to, "redis")) as (forwards, _):
            assert await forwards.probe(within_s=10)
            heard_at = forwards.heard_at
            sshd.freeze()
            assert not await forwards.probe(within_s=0.2)
            assert forwards.heard_at == heard_at
            sshd.thaw()
            assert await forwards.probe(within_s=10)

    asyncio.run(scene())
