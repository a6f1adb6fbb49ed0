"""The latency bench with a handful of jobs, and the proxy that makes servers far away."""

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from nightmill.bench import latency, run
from nightmill.bench.delay import Trips, far_away, select_ms
from nightmill.bench.options import BenchOptions
from nightmill.embedded.broker import SOCKET_SCHEME

DELAY_S = 0.02


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder for sockets, whose paths must be short."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def echo(short_path: Path) -> Iterator[Path]:
    """The socket of a server that says everything again, and hangs up when the client does."""
    path = short_path / "echo"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=_answer, args=(server,))
        thread.start()
        yield path
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            while data := client.recv(65536):
                client.sendall(data)


def connected(url: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(url.removeprefix(SOCKET_SCHEME))
    return client


def read(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := client.recv(65536)):
        data += piece
    return data


def test_what_passes_the_proxy_comes_later_and_as_it_was(echo: Path) -> None:
    long = bytes(range(256)) * 4096
    with far_away(f"{SOCKET_SCHEME}{echo}", "sqlite:///here", DELAY_S) as far:
        with connected(far.broker_url) as client:
            began = time.monotonic()
            client.sendall(b"one")
            first = read(client, 3)
            elapsed_s = time.monotonic() - began
            sending = threading.Thread(target=client.sendall, args=(long,))
            sending.start()
            second = read(client, len(long))
            sending.join()
        trips = far.trips()

    assert (first, second) == (b"one", long)
    assert elapsed_s >= 2 * DELAY_S
    assert trips.broker >= 2
    assert trips.store == 0
    assert far.store_url == "sqlite:///here"


def test_a_question_in_pieces_is_one_round_trip(echo: Path) -> None:
    with (
        far_away(f"{SOCKET_SCHEME}{echo}", "sqlite:///here", DELAY_S) as far,
        connected(far.broker_url) as client,
    ):
        before = far.trips()
        for _ in range(3):
            client.sendall(b"o")
            client.sendall(b"ne")
            read(client, 3)

        assert far.trips().since(before) == Trips(broker=3, store=0)


def test_a_far_server_that_is_gone_hangs_up(short_path: Path) -> None:
    url = f"{SOCKET_SCHEME}{short_path / 'nobody'}"
    with (
        far_away(url, "sqlite:///here", DELAY_S) as far,
        connected(far.broker_url) as client,
    ):
        assert read(client, 1) == b""


def test_a_postgres_can_be_far_away(short_path: Path, postgres_server_url: URL) -> None:
    url = postgres_server_url.render_as_string(hide_password=False)
    with far_away(f"{SOCKET_SCHEME}{short_path / 'nobody'}", url, DELAY_S) as far:
        assert select_ms(far.store_url) >= 2_000 * DELAY_S


@pytest.mark.usefixtures("_one_tuning")
def test_the_latency_bench_measures_both_sides(tiny: BenchOptions) -> None:
    result = run("latency", tiny)

    assert result.name == "latency on sqlite"
    assert result.ours > 0
    assert result.peer > 0
    assert result.detail["broker_round_trips_a_job"] > 0
    assert result.detail["store_round_trips_a_job"] == 0
    assert result.detail["ms_of_a_ping"] >= 2_000 * latency.DELAY_S
    assert list(tiny.folder.iterdir()) == []


@pytest.mark.long
@pytest.mark.usefixtures("_one_tuning")
def test_the_latency_bench_measures_with_a_far_postgres(
    tmp_path: Path, postgres_server_url: URL
) -> None:
    url = postgres_server_url.render_as_string(hide_password=False)

    result = run("latency", BenchOptions(folder=tmp_path, stores=(url,), runs=1, size=100))

    assert result.name == "latency on postgres"
    assert result.detail["store_round_trips_a_job"] > 0
    assert result.detail["ms_of_a_select"] >= 2_000 * latency.DELAY_S
    assert url not in repr(result)
