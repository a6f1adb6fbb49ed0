"""Stores for tests: `store` on both databases, `sqlite_store` on SQLite alone."""

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import URL

from jobs.store import paging
from jobs.store.migrate import prepare
from jobs.store.schema import metadata
from jobs.store.store import Store
from tests import postgres_server


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[URL]:
    """A Postgres server, one for each process of the test run."""
    try:
        with postgres_server.server() as url:
            yield url
    except postgres_server.NoPostgresError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test on Postgres: {error}")
        pytest.skip(str(error))


class _Opened(NamedTuple):
    url: str
    store: Store


@pytest.fixture(scope="session")
def _postgres_store(postgres_server_url: URL) -> Iterator[_Opened]:
    """One database with our tables for the whole session: making one takes longer than a test."""
    with postgres_server.database(postgres_server_url) as url:
        prepare(url)
        store = Store.open(url)
        yield _Opened(url, store)
        store.close()


@pytest.fixture
def postgres_url(postgres_server_url: URL) -> Iterator[str]:
    """A new empty Postgres database."""
    with postgres_server.database(postgres_server_url) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty store, on each database in turn."""
    if request.param == "sqlite":
        url: str = request.getfixturevalue("sqlite_url")
        return url
    opened: _Opened = request.getfixturevalue("_postgres_store")
    with opened.store.write() as c:
        c.exec_driver_sql("; ".join(str(table.delete()) for table in metadata.sorted_tables))
    return opened.url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "nightmill.db"
    prepare(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of an empty store on SQLite."""
    return f"sqlite:///{shutil.copy(_sqlite_template, tmp_path)}"


@pytest.fixture
def store(store_url: str, request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store, on each database in turn."""
    if not store_url.startswith("sqlite"):
        yield request.getfixturevalue("_postgres_store").store
        return
    opened = Store.open(store_url)
    yield opened
    opened.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What works on many rows page by page takes two at most."""
    monkeypatch.setattr(paging, "FIRST_PAGE", 2)
    monkeypatch.setattr(paging, "LARGEST_PAGE", 2)
    # And no fewer because this machine is slow.
    monkeypatch.setattr(paging, "PAGE_S", math.inf)
    monkeypatch.setattr(paging, "LOOKED_AT", 2)


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """An empty store on SQLite."""
    opened = Store.open(sqlite_url)
    yield opened
    opened.close()
