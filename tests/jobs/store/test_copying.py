"""A store is copied whole, to either database, or not at all."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from jobs.errors import StoreError, UsageError
from jobs.states import JobState
from jobs.store import actions, copying, hosts, tunnels
from jobs.store.copying import copy_store
from jobs.store.engines import Kind, make_engine, parse_url
from jobs.store.leadership import Leadership
from jobs.store.migrate import prepare
from jobs.store.store import Store
from jobs.store.totals import differing, totals
from tests.jobs.store.desk import Desk, line, outcome
from tests.jobs.store.files import NO_DATABASE, ignore, left_in, url_of
from tests.jobs.store.test_hosts import STUDIO
from tests.jobs.store.test_tunnels import tunnel
from tests.waiting import eventually


class StopHere(Exception):  # noqa: N818  (nothing went wrong)
    """Somebody has pressed Ctrl-C."""


@pytest.fixture
def desk(store: Store) -> Desk:
    """A store in mid-run, with a row in every kind of table and letters of all kinds."""
    desk = Desk(store)
    odd = line(11, body='{"text": "tab\\t, \\\\N, line\\n, ä€😀 and \'quotes\'"}')
    desk.batch(*(line(number) for number in range(1, 11)), odd, name="night")
    first, second, *_ = desk.take(4)
    desk.record(outcome(first, text="ä\t\\N\n😀"), outcome(second, JobState.FAILED))
    desk.dispatch(2)
    with store.write() as c:
        hosts.announce(c, STUDIO)
        actions.note(c, "anna@studio", "pause", batch_id="b-1", reason="a model was a mistake")
        tunnels.take(c, tunnel(pools=("mlx",)))
    desk.do("UPDATE hosts SET seen_at = 0")
    desk.do("INSERT INTO pools (name, paused) VALUES ('mlx', 1)")
    desk.do(
        "INSERT INTO ledger (batch_id, job_id, run, attempt, reserved, currency, at)"
        " VALUES ('b-1', 'j-1', 1, 1, 0.1, 'EUR', 1.5)"
    )
    return desk


@pytest.fixture
def new_file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new' / 'copy.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest) -> str:
    """The URL of a new place, on each database in turn."""
    wanted = "new_file" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(wanted)
    return url


def test_a_copy_is_equal_and_its_jobs_in_flight_wait_again(
    desk: Desk, store_url: str, target: str
) -> None:
    seen: list[tuple[int, int]] = []
    with desk.store.read() as c:
        before = totals(c)

    copied = copy_store(store_url, target, lambda done, total: seen.append((done, total)))

    with desk.store.read() as c:
        assert totals(c) == before
    assert copied.rows == before.rows
    assert (copied.used_by, copied.handed_back) == ((), 4)
    assert seen[-1][0] == seen[-1][1]
    copy = Store.open(target)
    there = Desk(copy)
    assert there.states() == desk.states() | dict.fromkeys((3, 4, 5, 6), JobState.PENDING)
    assert there.counted() == there.recount()
    assert [row.text for row in there.page()] == [row.text for row in desk.page()]
    assert there.ask("SELECT sum(crashes), sum(suspect) FROM jobs") == [(0, 0)]
    assert there.ask("SELECT count(*) FROM hosts") == [(0,)]
    assert there.ask("SELECT count(*) FROM tunnels") == [(0,)]
    with copy.read() as c:
        unchanged = set(differing(before, totals(c)))
        assert [done.verb for done in actions.of_batch(c, "b-1")] == ["pause"]
    copy.close()
    assert unchanged == {"jobs", "attempts", "hosts", "tunnels", "counters"}


def test_what_is_numbered_goes_on_after_a_copy(desk: Desk, store_url: str, target: str) -> None:
    copy_store(store_url, target, ignore)

    copy = Store.open(target)
    there = Desk(copy)
    [[last]] = there.ask("SELECT max(id) FROM actions")
    with copy.write() as c:
        actions.note(c, "anna@studio", "resume", batch_id="b-1")
    assert there.ask("SELECT max(id) FROM actions") == [(last + 1,)]
    there.record(outcome(there.take(1)[0]))
    assert there.counts().succeeded == 2
    copy.close()


def test_an_empty_store_takes_a_copy_and_a_full_one_does_not(
    desk: Desk, store_url: str, target: str
) -> None:
    prepare(target)
    there = Store.open(target)
    Desk(there).do("INSERT INTO pools (name, paused) VALUES ('mlx', 0)")
    there.close()

    copy_store(store_url, target, ignore)
    with pytest.raises(UsageError, match="is not empty"):
        copy_store(store_url, target, ignore)

    there = Store.open(target)
    assert Desk(there).ask("SELECT paused FROM pools") == [(1,)]
    there.close()


def test_a_copy_that_is_stopped_leaves_nothing_and_begins_again(
    desk: Desk, store_url: str, target: str
) -> None:
    def stop(_done: int, _total: int) -> None:
        raise StopHere

    with pytest.raises(StopHere):
        copy_store(store_url, target, stop)
    with pytest.raises(StoreError):
        Store.open(target)
    if target.startswith("sqlite"):
        assert left_in(Path(target.removeprefix("sqlite:///")).parent) == set()

    assert copy_store(store_url, target, ignore).rows["jobs"] == 11


def test_a_copy_that_is_killed_is_begun_again(desk: Desk, store_url: str, target: str) -> None:
    program = (
        "import os, sys\n"
        "from jobs.store.copying import copy_store\n"
        "copy_store(sys.argv[1], sys.argv[2], lambda *_: os.kill(os.getpid(), 9))"
    )
    killed = subprocess.run([sys.executable, "-c", program, store_url, target], check=False)
    assert killed.returncode == -signal.SIGKILL

    def copied() -> bool:
        # The server may still be ending the transaction of the dead.
        try:
            return copy_store(store_url, target, ignore).rows["jobs"] == 11
        except UsageError:
            return False

    eventually(copied, "the copy")


def test_a_copy_that_is_another_is_not_kept(
    desk: Desk, store_url: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "differing", lambda *_: ["jobs"])

    with pytest.raises(StoreError, match="not what was copied: jobs"):
        copy_store(store_url, target, ignore)
    with pytest.raises(StoreError):
        Store.open(target)


def test_a_store_is_not_copied_onto_itself(desk: Desk, store_url: str) -> None:
    with pytest.raises(UsageError, match=r"Both are the store|is not empty"):
        copy_store(store_url, store_url, ignore)


def test_an_empty_database_is_known_by_another_name(postgres_url: str) -> None:
    prepare(postgres_url)
    other = make_url(postgres_url).update_query_dict({"application_name": "other"})

    with pytest.raises(UsageError, match="Both are the store"):
        copy_store(postgres_url, other.render_as_string(hide_password=False), ignore)


def test_who_uses_the_old_store_is_told(desk: Desk, store_url: str, new_file: str) -> None:
    desk.do("UPDATE hosts SET seen_at = 1e12")
    leader = Leadership(store_url)
    assert leader.is_held()

    copied = copy_store(store_url, new_file, ignore)

    leader.release()
    assert copied.used_by == (f"worker {STUDIO.name}", "a dispatcher")


def test_a_place_that_somebody_uses_is_refused(desk: Desk, store_url: str, target: str) -> None:
    prepare(target)
    leader = Leadership(target)
    assert leader.is_held()
    with pytest.raises(UsageError, match="in use: a dispatcher"):
        copy_store(store_url, target, ignore)
    leader.release()
    there = Store.open(target)
    with there.write() as c:
        hosts.announce(c, STUDIO)
    there.close()

    with pytest.raises(UsageError, match=f"in use: worker {STUDIO.name}"):
        copy_store(store_url, target, ignore)


def test_a_file_that_a_program_has_open_is_not_replaced(
    desk: Desk, store_url: str, new_file: str
) -> None:
    prepare(new_file)
    there = Store.open(new_file)
    with there.read() as c:
        c.execute(text("SELECT count(*) FROM jobs")).all()
        with pytest.raises(UsageError, match="a program that has it open"):
            copy_store(store_url, new_file, ignore)
    there.close()

    assert copy_store(store_url, new_file, ignore).rows["jobs"] == 11


def test_what_is_no_store_or_another_version_is_not_copied(
    sqlite_url: str, new_file: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="There is no store at"):
        copy_store(url_of(tmp_path / "nowhere.db"), new_file, ignore)
    text_file = tmp_path / "letter.txt"
    text_file.write_text(NO_DATABASE)
    with pytest.raises(UsageError, match="is not a Nightmill store"):
        copy_store(url_of(text_file), new_file, ignore)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    with pytest.raises(UsageError, match="There is no store at"):
        copy_store(url_of(other), new_file, ignore)
    store = Store.open(sqlite_url)
    Desk(store).do("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    with pytest.raises(UsageError, match="newer than this program"):
        copy_store(sqlite_url, new_file, ignore)
    assert not Path(new_file.removeprefix("sqlite:///")).parent.exists()


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_a_database_of_something_else_takes_no_copy(
    desk: Desk, store_url: str, target: str
) -> None:
    engine = make_engine(parse_url(target), Kind.DURABLE)
    with engine.begin() as c:
        c.exec_driver_sql("CREATE TABLE jobs (title text)")
    engine.dispose()

    with pytest.raises(UsageError, match="not a Nightmill store"):
        copy_store(store_url, target, ignore)


def test_a_file_of_something_else_takes_no_copy(
    sqlite_store: Store, sqlite_url: str, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text(NO_DATABASE)

    with pytest.raises(UsageError, match="is not a Nightmill store"):
        copy_store(sqlite_url, url_of(letter), ignore)

    assert letter.read_text() == NO_DATABASE


def test_a_place_of_another_version_is_refused(desk: Desk, store_url: str, target: str) -> None:
    prepare(target)
    there = Store.open(target)
    Desk(there).do("UPDATE alembic_version SET version_num = '9999'")
    there.close()

    with pytest.raises(UsageError, match="newer than this program"):
        copy_store(store_url, target, ignore)


def test_a_disk_without_room_is_told_before_anything_is_written(
    sqlite_store: Store, sqlite_url: str, new_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying.shutil, "disk_usage", lambda _path: type("Disk", (), {"free": 0})())

    with pytest.raises(UsageError, match="has nothing free"):
        copy_store(sqlite_url, new_file, ignore)


def test_a_copy_that_is_stopped_leaves_the_empty_store_as_it_was(
    sqlite_store: Store, sqlite_url: str, new_file: str
) -> None:
    def stop(_done: int, _total: int) -> None:
        raise StopHere

    prepare(new_file)
    with pytest.raises(StopHere):
        copy_store(sqlite_url, new_file, stop)

    with closing(sqlite3.connect(new_file.removeprefix("sqlite:///"))) as there:
        assert there.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_place_where_no_file_can_be_made_is_told(
    sqlite_store: Store, sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match=r"cannot be made: .*name another place"):
        copy_store(sqlite_url, f"sqlite:///{tmp_path}/file/nightmill.db", ignore)
