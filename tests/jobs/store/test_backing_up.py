"""Backups of a store on either database, made while it is used."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.errors import StoreError, UsageError
from jobs.store import backing_up
from jobs.store.backing_up import BackedUp, back_up
from jobs.store.duplicate import paced
from jobs.store.snapshot import snapshot
from jobs.store.totals import totals
from tests.jobs.store.desk import Desk
from tests.jobs.store.files import hidden_in, ignore, url_of


class StopHere(Exception):  # noqa: N818  (nothing went wrong)
    """Somebody has pressed Ctrl-C."""


def stop(_done: int, _total: int) -> None:
    raise StopHere


def test_a_backup_is_one_private_file_with_all_of_the_store(
    night: Desk, store_url: str, file: Path
) -> None:
    with night.store.read() as c:
        expected = totals(c)

    done = back_up(store_url, file, ignore)

    assert done == BackedUp(
        store=night.store.describe(),
        file=str(file),
        size=file.stat().st_size,
        batches=1,
        rows=10,
    )
    assert file.stat().st_mode & 0o777 == 0o600
    with snapshot(url_of(file)) as backup:
        assert totals(backup.c) == expected
    assert hidden_in(file.parent) == []
    assert [path.name for path in file.parent.glob("safe.db*")] == ["safe.db"]


def test_a_backup_is_of_one_moment_while_others_write(
    sqlite_night: Desk, sqlite_url: str, file: Path
) -> None:
    begun: list[int] = []

    def write_once(_done: int, total: int) -> None:
        if not begun:
            begun.append(total)
            sqlite_night.batch(batch_id="b-2")

    done = back_up(sqlite_url, file, write_once)

    assert begun
    assert (done.batches, sqlite_night.ask("SELECT count(*) FROM batches")) == (1, [(2,)])


def test_a_backup_is_written_over_only_by_force_and_only_by_a_whole_one(
    night: Desk, store_url: str, file: Path
) -> None:
    file.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        back_up(store_url, file, ignore)
    with pytest.raises(StopHere):
        back_up(store_url, file, stop, is_forced=True)
    assert file.read_text() == "mine"
    assert hidden_in(file.parent) == []

    assert back_up(store_url, file, ignore, is_forced=True).rows == 10


def test_places_where_no_backup_can_be_are_told(
    sqlite_night: Desk, sqlite_url: str, tmp_path: Path
) -> None:
    for place, words in (
        (tmp_path / "nightmill.db", "the store itself"),
        (tmp_path, "that is a folder"),
        (tmp_path / "nowhere" / "safe.db", "no such folder"),
    ):
        with pytest.raises(UsageError, match=words):
            back_up(sqlite_url, place, ignore, is_forced=True)
    assert sqlite_night.counts().total == 10


def test_a_backup_that_cannot_be_read_again_is_not_kept(
    night: Desk, store_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
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


def test_what_a_killed_backup_left_goes_with_the_next_one_into_the_same_folder(
    sqlite_night: Desk, sqlite_url: str, file: Path, tmp_path: Path
) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from jobs.store.backing_up import back_up\n"
        "back_up(sys.argv[1], Path(sys.argv[2]), lambda *_: os.kill(os.getpid(), 9))"
    )
    killed = subprocess.run([sys.executable, "-c", program, sqlite_url, str(file)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert hidden_in(tmp_path) != []

    back_up(sqlite_url, tmp_path / "another.db", ignore)

    assert hidden_in(tmp_path) == []
    assert not file.exists()


def test_two_backups_at_once_do_not_disturb_each_other(
    sqlite_night: Desk, sqlite_url: str, file: Path, tmp_path: Path
) -> None:
    inner: list[BackedUp] = []

    def back_up_too(_done: int, _total: int) -> None:
        if not inner:
            inner.append(back_up(sqlite_url, file, ignore))

    back_up(sqlite_url, file, back_up_too, is_forced=True)

    assert inner[0].rows == 10
    assert hidden_in(tmp_path) == []
    with snapshot(url_of(file)) as backup:
        assert totals(backup.c).rows["jobs"] == 10


def test_it_rests_as_long_as_it_was_told_to() -> None:
    clock = iter([10.0, 12.0, 18.0, 19.0, 20.0])
    slept: list[float] = []
    step = paced(ignore, 3.0, lambda: next(clock), slept.append)

    step(1, 2)
    step(2, 2)

    assert slept == [6.0, 3.0]
