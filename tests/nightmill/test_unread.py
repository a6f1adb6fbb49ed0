"""A batch whose reading was broken off is not waited for."""

from contextlib import closing
from pathlib import Path

import pytest

from jobs.errors import StoppedEarlyError
from jobs.locks import FileLock
from jobs.states import BatchState
from jobs.store import batches
from jobs.store.migrate import prepare
from jobs.store.store import Store
from nightmill.status import Status, status_of
from nightmill.unread import PATIENCE_S, Unread
from tests.jobs.store.desk import new_batch


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def begin(store: Store) -> None:
    """A batch of which nothing has been read yet."""
    with store.write() as c:
        batches.create(c, "b-1", new_batch(run_key="ab12"))


def seen(store: Store) -> Status:
    with store.read() as c:
        return status_of(batches.get(c, "b-1"), batches.counts(c, "b-1"))


def test_while_somebody_reads_it_is_waited_for(sqlite_store: Store, tmp_path: Path) -> None:
    begin(sqlite_store)
    with FileLock(tmp_path / "submit-ab.lock"):
        Unread(sqlite_store, tmp_path, Clock()).check(seen(sqlite_store))


def test_when_its_reader_is_gone_it_is_given_up(sqlite_store: Store, tmp_path: Path) -> None:
    begin(sqlite_store)
    with pytest.raises(StoppedEarlyError, match="was not read to its end"):
        Unread(sqlite_store, tmp_path, Clock()).check(seen(sqlite_store))


def test_a_reading_that_came_to_its_end_meanwhile_is_none_that_was_broken_off(
    sqlite_store: Store, tmp_path: Path
) -> None:
    begin(sqlite_store)
    before = seen(sqlite_store)
    with sqlite_store.write() as c:
        batches.finish_ingest(c, "b-1", "hash")
    assert before.state is BatchState.INGESTING
    Unread(sqlite_store, tmp_path, Clock()).check(before)


def test_a_reader_that_may_be_elsewhere_is_given_time(postgres_url: str, tmp_path: Path) -> None:
    prepare(postgres_url)
    with closing(Store.open(postgres_url)) as store:
        begin(store)
        clock = Clock()
        unread = Unread(store, tmp_path, clock)
        unread.check(seen(store))
        clock.now = PATIENCE_S
        with pytest.raises(StoppedEarlyError):
            unread.check(seen(store))
