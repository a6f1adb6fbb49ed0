"""The proxy fails as networks do, and knows what each commit is about."""

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import URL

from tests.chaos.ears import PostgresEar, RedisEar
from tests.chaos.proxy import Proxy
from tests.chaos.servers import RedisServer
from tests.waiting import eventually

Connect = Callable[[], psycopg.Connection[tuple[object, ...]]]

#: As often as psycopg sends a statement before it prepares it, and more.
OFTEN = 8


@pytest.fixture
def postgres(postgres_server_url: URL) -> Iterator[Proxy]:
    if "host" not in postgres_server_url.query:
        pytest.skip("the Postgres that was named is not reached by a Unix socket")
    folder = Path(str(postgres_server_url.query["host"]))
    proxy = Proxy.open(folder / ".s.PGSQL.5432", PostgresEar)
    yield proxy
    proxy.close()


@pytest.fixture
def connect(postgres: Proxy) -> Connect:
    def connect() -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            f"postgresql://postgres@127.0.0.1:{postgres.port}/postgres", connect_timeout=5
        )

    return connect


def test_the_reply_to_a_commit_about_something_is_dropped_and_the_commit_is_done(
    postgres: Proxy, connect: Connect
) -> None:
    with connect() as c:
        c.execute("CREATE TABLE IF NOT EXISTS seen (what int)")
        c.execute("TRUNCATE seen")
    postgres.drop_reply_about(b"INSERT INTO seen")

    c = connect()
    for _ in range(OFTEN):
        c.execute("SELECT count(*) FROM seen WHERE what = %s", (0,))
        c.commit()
    for number in range(OFTEN):
        c.execute("INSERT INTO seen VALUES (%s)", (number,))
    with pytest.raises(psycopg.OperationalError):
        c.commit()

    assert postgres.dropped == 1
    with connect() as again:
        assert again.execute("SELECT count(*) FROM seen").fetchall() == [(OFTEN,)]


def test_statements_that_the_client_has_prepared_are_known_by_their_words(
    postgres: Proxy, connect: Connect
) -> None:
    c = connect()
    for number in range(OFTEN):
        c.execute("SELECT %s::int + 1", (number,), prepare=True)
        c.commit()
    postgres.drop_reply_about(b"SELECT $1::int + 1")

    c.execute("SELECT %s::int + 1", (1,), prepare=True)
    with pytest.raises(psycopg.OperationalError):
        c.commit()


def test_cut_lines_break_and_new_ones_too_until_they_heal(
    postgres: Proxy, connect: Connect
) -> None:
    c = connect()
    postgres.cut()

    with pytest.raises(psycopg.OperationalError):
        c.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        connect()

    postgres.heal()
    with connect() as again:
        assert again.execute("SELECT 1").fetchall() == [(1,)]


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="nm-proxy-", dir="/tmp") as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.end()


def test_a_half_open_line_tells_nobody_and_delivers_nothing(server: RedisServer) -> None:
    proxy = Proxy.open(server.socket, RedisEar)
    client = redis.Redis(host="127.0.0.1", port=proxy.port)
    client.ping()
    proxy.swallow()
    over = threading.Event()

    def push() -> None:
        with contextlib.suppress(redis.ConnectionError):
            client.lpush("queue", "hint")
        over.set()

    pushing = threading.Thread(target=push)
    pushing.start()
    assert not over.wait(0.3)
    proxy.heal()

    eventually(over.is_set, "the line to break")
    pushing.join()
    client.close()
    proxy.close()
