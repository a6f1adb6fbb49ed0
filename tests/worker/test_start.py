"""A worker that cannot start says why in one sentence, and leaves everything as it was."""

import threading
from pathlib import Path
from typing import Any

import pytest

from backends.base import Capabilities
from backends.errors import ParkBackendError
from backends.fake import FakeBackend
from jobs.errors import BrokerError, StoreError, UsageError
from jobs.settings import Settings
from jobs.settings_pools import PoolSettings
from jobs.store import hosts
from jobs.store.store import Store
from tests.worker.world import POOL
from worker import presence
from worker.app import run_worker
from worker.outcomes import Identity


def start(data_dir: Path, **given: Any) -> int:
    settings = Settings(data_dir=data_dir, pools={POOL: PoolSettings(backend="fake")})
    usual: dict[str, Any] = {
        "store_url": settings.store_url,
        "broker_url": "redis+socket:///nowhere/at/all",
        "session": "s-1",
        "host": "here",
        "on_ready": lambda: pytest.fail("it was ready"),
    }
    return run_worker(settings, POOL, given.pop("backend", FakeBackend()), **(usual | given))


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store"):
        start(tmp_path)

    assert not (tmp_path / "nightmill.db").exists()


def test_a_store_of_another_version_is_left_alone(tmp_path: Path, sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    with store.write() as c:
        c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()

    with pytest.raises(StoreError, match="9999"):
        start(tmp_path, store_url=sqlite_url)


def test_a_broker_that_does_not_answer_is_named_without_its_password(
    tmp_path: Path, sqlite_url: str
) -> None:
    with pytest.raises(BrokerError) as failure:
        start(tmp_path, store_url=sqlite_url, broker_url="redis://:canary@127.0.0.1:1/0")

    assert "127.0.0.1" in str(failure.value)
    assert "canary" not in str(failure.value)


def test_a_name_that_a_living_worker_has_is_refused(tmp_path: Path) -> None:
    who = Identity(session="s-0", host="here", pool=POOL)
    lock = presence.take_name(tmp_path / "locks", who)

    with pytest.raises(UsageError, match="fake@here runs already"):
        start(tmp_path)

    lock.release()


def test_a_backend_that_does_not_open_ends_it_and_nothing_stays(
    tmp_path: Path, sqlite_store: Store, sqlite_url: str, broker_url: str
) -> None:
    class Broken(FakeBackend):
        async def open(self) -> Capabilities:
            raise ParkBackendError("No memory left.")

    before = threading.active_count()

    for _ in range(2):
        with pytest.raises(UsageError, match="pool fake does not open: No memory left"):
            start(tmp_path, store_url=sqlite_url, broker_url=broker_url, backend=Broken())

    assert threading.active_count() == before
    with sqlite_store.read() as c:
        assert hosts.listing(c) == []
