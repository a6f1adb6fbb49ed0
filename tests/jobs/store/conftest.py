from pathlib import Path

import pytest

from jobs.store.store import Store
from tests.jobs.store.desk import Desk, outcome


@pytest.fixture
def desk(store: Store) -> Desk:
    """A desk on each database in turn."""
    return Desk(store)


@pytest.fixture
def sqlite_desk(sqlite_store: Store) -> Desk:
    """A desk on SQLite, where the database makes no difference."""
    return Desk(sqlite_store)


@pytest.fixture
def night(desk: Desk) -> Desk:
    """A desk on each database in turn, in mid-run."""
    return in_mid_run(desk)


@pytest.fixture
def sqlite_night(sqlite_desk: Desk) -> Desk:
    """The same on SQLite."""
    return in_mid_run(sqlite_desk)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a backup goes."""
    return tmp_path / "safe.db"


def in_mid_run(desk: Desk) -> Desk:
    desk.batch(name="night")
    first, *_ = desk.take(3)
    desk.record(outcome(first))
    return desk
