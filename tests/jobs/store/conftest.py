import pytest

from jobs.store.store import Store
from tests.jobs.store.desk import Desk


@pytest.fixture
def desk(store: Store) -> Desk:
    """A desk on each database in turn."""
    return Desk(store)


@pytest.fixture
def sqlite_desk(sqlite_store: Store) -> Desk:
    """A desk on SQLite, where the database makes no difference."""
    return Desk(sqlite_store)
