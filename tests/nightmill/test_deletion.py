"""Deleting a batch on either database, also in several goes."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.errors import UsageError
from jobs.store import batches
from jobs.store.store import Store
from nightmill.deletion import delete_batch
from nightmill.embedded.datadir import DataDir
from tests.jobs.store.desk import Desk


class StopHere(Exception):  # noqa: N818  (nothing went wrong)
    """Somebody has pressed Ctrl-C."""


@pytest.fixture
def desk(store: Store, small_pages: None) -> Desk:
    desk = Desk(store)
    desk.batch(name="night")
    desk.batch(batch_id="b-2")
    return desk


@pytest.fixture
def sqlite_desk(sqlite_store: Store) -> Desk:
    """A desk on SQLite, whose file is written anew."""
    return Desk(sqlite_store)


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path)


def test_all_of_a_batch_goes_and_nothing_of_another(desk: Desk, data_dir: DataDir) -> None:
    seen: list[int] = []
    desk.cancel("b-2")

    gone = delete_batch(desk.store, data_dir, "night", seen.append)

    assert (gone.id, gone.rows, gone.is_log_empty) == ("b-1", 10, True)
    assert seen[:5] == [2, 4, 6, 8, 10]
    assert desk.ask("SELECT id FROM batches") == [("b-2",)]
    assert desk.counted("b-2") == desk.recount("b-2")


def test_what_was_stopped_half_way_is_gone_on_with_by_the_same_call_or_the_next_one(
    desk: Desk, data_dir: DataDir
) -> None:
    def stop_at_four(rows: int) -> None:
        if rows == 4:
            raise StopHere

    with pytest.raises(StopHere):
        delete_batch(desk.store, data_dir, "night", stop_at_four)
    with desk.store.read() as c, pytest.raises(UsageError, match="There is no batch"):
        batches.get(c, "night")

    assert delete_batch(desk.store, data_dir, "b-2").rows == 16
    assert desk.ask("SELECT count(*) FROM jobs") == desk.ask("SELECT count(*) FROM batches")
    with pytest.raises(UsageError, match="There is no batch"):
        delete_batch(desk.store, data_dir, "night")


def test_a_batch_that_is_not_there_is_wrong_use(desk: Desk, data_dir: DataDir) -> None:
    with pytest.raises(UsageError, match="There is no batch `nope`"):
        delete_batch(desk.store, data_dir, "nope")


def no_room(_path: Path) -> SimpleNamespace:
    """The disk is full."""
    return SimpleNamespace(free=0)


def test_the_file_is_left_alone_while_others_write_or_there_is_no_room(
    sqlite_desk: Desk, data_dir: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_desk.batch(name="night")
    sqlite_desk.batch(batch_id="b-2")
    file_before = size_of_file(sqlite_desk)

    while_open = delete_batch(sqlite_desk.store, data_dir, "night")
    sqlite_desk.cancel("b-2")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", no_room)
        on_a_full_disk = delete_batch(sqlite_desk.store, data_dir, "night")

    assert (while_open.rows, while_open.not_cleaned) == (10, "unfinished_batches")
    assert (on_a_full_disk.rows, on_a_full_disk.not_cleaned) == (0, "no_room")
    assert not while_open.is_log_empty
    assert size_of_file(sqlite_desk) == file_before
    with sqlite_desk.store.read() as c, pytest.raises(UsageError, match="There is no batch"):
        batches.get(c, "night")


def test_the_next_deletion_of_any_batch_cleans_the_file_of_all(
    sqlite_desk: Desk, data_dir: DataDir
) -> None:
    sqlite_desk.batch(name="night")
    sqlite_desk.batch(batch_id="b-2")
    assert delete_batch(sqlite_desk.store, data_dir, "night").not_cleaned

    gone = delete_batch(sqlite_desk.store, data_dir, "b-2")

    assert (gone.rows, gone.not_cleaned, gone.is_log_empty) == (10, None, True)
    assert sqlite_desk.ask("SELECT count(*) FROM batches") == [(0,)]


def test_a_batch_that_was_emptied_has_no_rows_to_ask_about(
    sqlite_desk: Desk, data_dir: DataDir
) -> None:
    sqlite_desk.batch(name="night")
    sqlite_desk.batch(batch_id="b-2")
    delete_batch(sqlite_desk.store, data_dir, "night")

    assert sqlite_desk.counts().total == 0


def size_of_file(desk: Desk) -> int:
    return int(desk.ask("PRAGMA page_count")[0][0])
