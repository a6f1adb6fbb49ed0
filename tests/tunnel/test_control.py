"""A tunnel that runs is asked through a socket that only its owner reaches."""

import asyncio
import socket as sockets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from jobs.tunnels import TunnelReport, TunnelState
from tests.waiting import eventually
from tunnel.control import Answer, Request, answering, ask

REPORT = TunnelReport(name="home", state=TunnelState.UP)


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "tunnel" / "home.sock"


@contextmanager
def running(socket: Path) -> Iterator[list[str]]:
    """A tunnel that answers on a loop of its own; what it was asked so far."""
    asked: list[str] = []
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def answer(request: Request) -> Answer:
        asked.append(request.do)
        return Answer(report=REPORT, fault="no such file" if request.do == "reload" else "")

    async def run() -> None:
        async with answering(socket, answer):
            await stop.wait()

    thread = Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        eventually(lambda: ask(socket, Request(do="status")), "the tunnel")
        asked.clear()
        yield asked
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def say(socket: Path, line: bytes) -> bytes:
    with sockets.socket(sockets.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(socket))
        connection.sendall(line)
        return connection.makefile("rb").readline()


def test_a_question_is_answered_with_the_report(socket: Path) -> None:
    with running(socket) as asked:
        assert ask(socket, Request(do="retry")) == Answer(report=REPORT)
        assert ask(socket, Request(do="reload")) == Answer(report=REPORT, fault="no such file")
        assert asked == ["retry", "reload"]


def test_where_none_runs_there_is_no_answer_and_nothing_left(socket: Path) -> None:
    assert ask(socket, Request(do="status")) is None
    with running(socket):
        pass
    assert not socket.exists()
    assert ask(socket, Request(do="status")) is None


def test_what_a_killed_one_left_is_in_nobodys_way(socket: Path) -> None:
    socket.parent.mkdir(mode=0o700)
    with sockets.socket(sockets.AF_UNIX) as left:
        left.bind(str(socket))
    assert ask(socket, Request(do="status")) is None

    with running(socket):
        assert ask(socket, Request(do="status")) is not None


def test_only_its_owner_gets_to_it(socket: Path) -> None:
    with running(socket):
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


def test_a_folder_that_others_get_into_is_not_used(socket: Path) -> None:
    socket.parent.mkdir(mode=0o755)

    async def answer(_: Request) -> Answer:
        return Answer()

    async def run() -> None:
        async with answering(socket, answer):
            pytest.fail("it answers where others get in")

    with pytest.raises(PermissionError):
        asyncio.run(run())


@pytest.mark.parametrize(
    "line", [b"hello\n", b"{}\n", b'{"do":"halt"}\n', b'{"do":"status","x":1}\n']
)
def test_what_is_no_request_is_refused_and_does_no_harm(socket: Path, line: bytes) -> None:
    with running(socket) as asked:
        assert b"expected a request" in say(socket, line)
        assert asked == []
        assert ask(socket, Request(do="status")) is not None


def test_who_says_nothing_keeps_nobody_from_being_answered(socket: Path) -> None:
    with running(socket), sockets.socket(sockets.AF_UNIX) as silent:
        silent.connect(str(socket))
        assert ask(socket, Request(do="status")) is not None
