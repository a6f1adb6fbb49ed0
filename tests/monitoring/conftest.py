import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from jobs.settings import BrokerSettings, Settings, StoreSettings
from jobs.settings_pools import PoolSettings
from jobs.store.store import Store
from nightmill.embedded.dispatching import DispatcherThread
from tests.monitoring.scene import ANSWER, CANARY, Night, Served, Working, serve_in_thread
from tests.waiting import eventually
from tests.worker.conftest import (  # noqa: F401  (fixtures)
    Process,
    broker_url,
    redis_server,
    start_worker,
)
from tests.worker.world import POOL, submit


@pytest.fixture
def night(sqlite_store: Store) -> Night:
    return Night(sqlite_store)


Serve = Callable[..., Served]

#: As Debian, Ubuntu and Google call it.
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def serve(sqlite_store: Store, tmp_path: Path) -> Iterator[Serve]:
    """Starts monitors on the store, and ends them."""
    ends: list[Callable[[], None]] = []

    def start(credentials: str | None = None, broker: str | None = None, port: int = 0) -> Served:
        settings = Settings(data_dir=tmp_path, broker=BrokerSettings(url=broker))
        served, end = serve_in_thread(sqlite_store, settings, credentials, port)
        served.end = end
        ends.append(end)
        return served

    yield start
    for end in ends:
        end()


@pytest.fixture
def served(serve: Serve) -> Served:
    """A monitor without a password, and without a broker."""
    return serve()


@pytest.fixture
def work(
    sqlite_store: Store,
    sqlite_url: str,
    broker_url: str,  # noqa: F811  (the fixture of that name)
    serve: Serve,
    start_worker: Callable[..., Process],  # noqa: F811  (as above)
) -> Iterator[Callable[..., Working]]:
    """Starts a real worker and a real dispatcher on a batch, and a monitor beside them."""
    dispatchers: list[DispatcherThread] = []

    def start(jobs: int, delay_s: float) -> Working:
        served = serve(broker=broker_url)
        worker = start_worker(answers={CANARY: f"{ANSWER} of four words"}, delay_s=delay_s, slots=4)
        eventually(worker.is_ready, "the worker")
        batch_id = submit(sqlite_store, [CANARY] * jobs)
        settings = Settings(
            data_dir=Path(sqlite_url.removeprefix("sqlite:///")).parent,
            store=StoreSettings(url=sqlite_url),
            pools={POOL: PoolSettings(backend="fake")},
        )
        dispatchers.append(DispatcherThread(settings, sqlite_store, broker_url))
        return Working(served, worker, batch_id, broker_url)

    yield start
    for dispatcher in dispatchers:
        dispatcher.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium of this machine, which resolves no name but this machine's.

    Not for longer than its tests: meanwhile there is a running event loop in this thread.
    """
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI must look at the pages: install chromium")
        pytest.skip("there is no chromium on the PATH")
    # A busy machine may take long without a fault of anybody.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        yield browser
        browser.close()
