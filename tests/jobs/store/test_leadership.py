"""One leads a store and the others stand by, until it is gone, however it went."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, text

from jobs.errors import OtherVersionError, StoreError
from jobs.store.engines import parse_url
from jobs.store.leadership import Leadership
from jobs.store.migrate import prepare
from jobs.store.store import Store
from jobs.store.version import HEAD
from tests.waiting import eventually


@pytest.fixture
def ours(store_url: str) -> Iterator[Leadership]:
    leadership = Leadership(store_url)
    yield leadership
    leadership.release()


@pytest.fixture
def others(store_url: str) -> Iterator[Leadership]:
    leadership = Leadership(store_url)
    yield leadership
    leadership.release()


def test_one_leads_until_it_lets_go(ours: Leadership, others: Leadership) -> None:
    assert ours.is_held()
    assert not others.is_held()
    assert ours.is_held()

    ours.release()

    # Postgres frees the lock when it has seen the connection end.
    eventually(others.is_held, "the other one to lead")
    assert not ours.is_held()


def test_stores_are_led_apart(store_url: str, postgres_url: str, ours: Leadership) -> None:
    prepare(postgres_url)
    assert ours.is_held()
    with ExitStack() as stack:
        elsewhere = Leadership(postgres_url)
        stack.callback(elsewhere.release)
        assert elsewhere.is_held()


def test_who_lost_its_connection_leads_no_more_until_it_asked_again(postgres_url: str) -> None:
    prepare(postgres_url)
    ours, others = Leadership(postgres_url), Leadership(postgres_url)
    assert ours.is_held()
    assert not others.is_held()

    engine = create_engine(parse_url(postgres_url))
    with engine.connect() as c:
        # The one that holds an advisory lock.
        c.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype='advisory'"))
    engine.dispose()

    eventually(others.is_held, "the other one to lead")
    with pytest.raises(StoreError):
        ours.is_held()
    assert not ours.is_held()
    others.release()
    eventually(ours.is_held, "our turn")
    ours.release()


def test_a_store_that_was_upgraded_meanwhile_is_not_led(
    store: Store, store_url: str, ours: Leadership
) -> None:
    assert ours.is_held()
    with store.write() as c:
        c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(OtherVersionError, match="newer than this program"):
        ours.is_held()

    with store.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})
