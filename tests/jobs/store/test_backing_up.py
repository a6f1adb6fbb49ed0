"""Backups of a store on either database, made while it is used."""

from pathlib import Path

import pytest

from jobs.errors import StoreError, UsageError
from jobs.store import backing_up
from jobs.store.backing_up import BackedUp, back_up
from jobs.store.duplicate import paced
from jobs.store.newfile import new_path
from jobs.store.snapshot import snapshot
from jobs.store.store import Store
from jobs.store.totals import totals
from tests.jobs.store.desk import Desk, outcome


class StopHere(Exception):  # noqa: N818  (nothing went wrong)
    """Somebody has pressed Ctrl-C."""


@pytest.fixture
def desk(store: Store) -> Desk:
    """A store in mid-run."""
    desk = Desk(store)
    desk.batch(name="night")
    first, *_ = desk.take(3)
    desk.record(outcome(first))
    return desk


@pytest.fixture
def sqlite_desk(sqlite_store: Store) -> Desk:
    desk = Desk(sqlite_store)
    desk.batch(name="night")
    desk.record(outcome(desk.take(3)[0]))
    return desk


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "safe.db"


def ignore(_done: int, _total: int) -> None: ...


def stop(_done: int, _total: int) -> None:
    raise StopHere


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def left_in(folder: Path) -> set[str]:
    """What is in a folder, but for locks."""
    return {path.name for path in folder.iterdir() if path.suffix not in {".lock", ".leader"}}


def test_a_backup_is_one_private_file_with_all_of_the_store(
    desk: Desk, store_url: str, file: Path
) -> None:
    with desk.store.read() as c:
        expected = totals(c)

    done = back_up(store_url, file, ignore)

    assert done == BackedUp(
        store=desk.store.describe(),
        file=str(file),
        size=file.stat().st_size,
        batches=1,
        rows=10,
    )
    assert file.stat().st_mode & 0o777 == 0o600
    with snapshot(url_of(file)) as backup:
        assert totals(backup.c) == expected
    assert not {name for name in left_in(file.parent) if name.startswith((".safe", "safe.db-"))}


def test_a_backup_is_of_one_moment_while_others_write(
    sqlite_desk: Desk, sqlite_url: str, file: Path
) -> None:
    begun: list[int] = []

    def write_once(_done: int, total: int) -> None:
        if not begun:
            begun.append(total)
            sqlite_desk.batch(batch_id="b-2")

    done = back_up(sqlite_url, file, write_once)

    assert begun
    assert (done.batches, sqlite_desk.ask("SELECT count(*) FROM batches")) == (1, [(2,)])


def test_a_backup_is_written_over_only_by_force_and_only_by_a_whole_one(
    desk: Desk, store_url: str, file: Path
) -> None:
    file.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        back_up(store_url, file, ignore)
    with pytest.raises(StopHere):
        back_up(store_url, file, stop, is_forced=True)
    assert file.read_text() == "mine"
    assert not new_path(file).exists()

    assert back_up(store_url, file, ignore, is_forced=True).rows == 10


def test_places_where_no_backup_can_be_are_told(
    sqlite_desk: Desk, sqlite_url: str, tmp_path: Path
) -> None:
    for place, words in (
        (tmp_path / "nightmill.db", "the store itself"),
        (tmp_path, "that is a folder"),
        (tmp_path / "nowhere" / "safe.db", "no such folder"),
    ):
        with pytest.raises(UsageError, match=words):
            back_up(sqlite_url, place, ignore, is_forced=True)
    assert sqlite_desk.counts().total == 10


def test_a_backup_that_cannot_be_read_again_is_not_kept(
    desk: Desk, store_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(backing_up, "fault_of", lambda _path: "row 3 is missing")
        with pytest.raises(StoreError, match="row 3 is missing"):
            back_up(store_url, file, ignore)
    with monkeypatch.context() as patch:
        patch.setattr(backing_up, "row_counts", lambda _c: {"jobs": 11})
        with pytest.raises(StoreError, match="number of rows than the store in jobs"):
            back_up(store_url, file, ignore)
    assert not file.exists()


def test_it_rests_as_long_as_it_was_told_to() -> None:
    clock = iter([10.0, 12.0, 18.0, 19.0, 20.0])
    slept: list[float] = []
    step = paced(ignore, 3.0, lambda: next(clock), slept.append)

    step(1, 2)
    step(2, 2)

    assert slept == [6.0, 3.0]
