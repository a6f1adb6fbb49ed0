"""A broker and a store that are far away: the same servers, reached through a proxy that waits."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, cast

import redis
from sqlalchemy import URL, create_engine, make_url

from jobs.errors import StoppedEarlyError
from nightmill.embedded.broker import SOCKET_SCHEME
from nightmill.embedded.child import python
from nightmill.embedded.lifeline import Lifeline

_POSTGRES_PORT = 5432
#: How often a round trip is measured.
_ASKED = 100


@dataclass(frozen=True, kw_only=True)
class Trips:
    """Round trips that somebody waited for, on all connections together."""

    broker: int
    #: To a file there are none.
    store: int

    def since(self, before: "Trips") -> "Trips":
        """Those that came after `before`."""
        return Trips(broker=self.broker - before.broker, store=self.store - before.store)


class FarAway:
    """The addresses behind the proxy, and what passed through it."""

    def __init__(self, broker_url: str, store_url: str, orders: IO[str], answers: IO[str]) -> None:
        self.broker_url = broker_url
        self.store_url = store_url
        self._orders = orders
        self._answers = answers
        if answers.readline().strip() != "ready":
            raise StoppedEarlyError("The proxy that delays did not start.")

    def trips(self) -> Trips:
        """Round trips so far."""
        self._orders.write("\n")
        self._orders.flush()
        broker, *store = json.loads(self._answers.readline() or "[0]")
        return Trips(broker=broker, store=sum(store))


@contextmanager
def far_away(broker_url: str, store_url: str, delay_s: float) -> Iterator[FarAway]:
    """Broker and store with `delay_s` on each way, for as long as the block lasts.

    The broker is on a Unix socket. A store on SQLite stays where it is: a file is never far.
    """
    lifeline = Lifeline()
    with ExitStack() as last_first:
        last_first.callback(lifeline.cut)
        folder = Path(last_first.enter_context(tempfile.TemporaryDirectory(prefix="nightmill-")))
        door = folder / "broker.sock"
        routes = [str(door), broker_url.removeprefix(SOCKET_SCHEME)]
        store = make_url(store_url)
        if store.get_backend_name() != "sqlite":
            routes += [str(folder / f".s.PGSQL.{_POSTGRES_PORT}"), _server_of(store)]
            store_url = _behind(folder, store).render_as_string(hide_password=False)
        process = subprocess.Popen(
            python("nightmill.bench.delay_proxy", *_arguments(routes, delay_s, lifeline.fd)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(lifeline.fd,),
            process_group=0,
            text=True,
        )
        last_first.enter_context(process)
        last_first.callback(process.kill)
        orders, answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        yield FarAway(f"{SOCKET_SCHEME}{door}", store_url, orders, answers)


def ping_ms(broker_url: str) -> float:
    """What a PING of the broker takes, in milliseconds: the median of many."""
    with redis.Redis.from_url(broker_url.replace(SOCKET_SCHEME, "unix://", 1)) as client:
        return _median_ms(client.ping)


def select_ms(store_url: str) -> float:
    """What the smallest statement of the store takes, in milliseconds: the median of many."""
    engine = create_engine(make_url(store_url), isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with engine.connect() as c:
            return _median_ms(lambda: c.exec_driver_sql("SELECT 1").scalar_one())
    finally:
        engine.dispose()


def _server_of(store: URL) -> str:
    """Where a Postgres is: the path of its Unix socket, or host and port."""
    port = store.port or _POSTGRES_PORT
    named = store.query.get("host", store.host) or "localhost"
    host = named if isinstance(named, str) else named[0]
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{host}:{port}"


def _behind(folder: Path, store: URL) -> URL:
    return store.set(host=None, port=_POSTGRES_PORT, query={**store.query, "host": str(folder)})


def _arguments(routes: list[str], delay_s: float, lifeline_fd: int) -> list[str]:
    arguments = ["--lifeline-fd", str(lifeline_fd), "--delay-s", str(delay_s)]
    for listen, connect in zip(routes[::2], routes[1::2], strict=True):
        arguments += ["--route", listen, connect]
    return arguments


def _median_ms(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(_ASKED):
        began = time.perf_counter()
        ask()
        took.append(1_000 * (time.perf_counter() - began))
    return median(took)
