import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from jobs.store.store import Store
from tests.monitoring.scene import Night, Served, serve_in_thread


@pytest.fixture
def night(sqlite_store: Store) -> Night:
    return Night(sqlite_store)


@pytest.fixture
def serve(sqlite_store: Store, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts monitors on the store, and ends them."""
    ends: list[Callable[[], None]] = []

    def start(credentials: str | None = None) -> Served:
        served, end = serve_in_thread(sqlite_store, tmp_path, credentials)
        ends.append(end)
        return served

    yield start
    for end in ends:
        end()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """A monitor without a password, and without a broker."""
    return serve()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium of this machine, which resolves no name but this machine's."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI must look at the pages: install chromium")
        pytest.skip("there is no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        yield browser
        browser.close()
