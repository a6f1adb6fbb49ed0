"""A backup takes the place of a store, all of it and only where nobody uses that."""

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import text

from jobs.errors import UsageError
from jobs.store import hosts, migrate, restoring
from jobs.store.backing_up import back_up
from jobs.store.leadership import Leadership
from jobs.store.restoring import Restored
from jobs.store.store import Store
from jobs.store.version import HEAD
from tests.jobs.store.desk import Desk
from tests.jobs.store.files import NO_DATABASE, hidden_in, ignore, left_in, url_of
from tests.jobs.store.test_hosts import STUDIO

WHEN = "2026-11-24-190000"


def restore(url: str, file: Path, *, yes: bool = False) -> Restored:
    return restoring.restore(url, file, ignore, when=WHEN, scratch=file.parent, is_replacing=yes)


def test_a_restored_store_begins_where_the_backup_was_and_blames_nobody(
    night: Desk, store_url: str, file: Path, tmp_path: Path
) -> None:
    night.do("UPDATE jobs SET lease_until = 1e12 WHERE state = 'running'")
    back_up(store_url, file, ignore)
    new = url_of(tmp_path / "new" / "nightmill.db")

    done = restore(new, file)

    assert done == Restored(
        store=new.removeprefix("sqlite:///"),
        file=str(file),
        from_version=HEAD,
        kept=None,
        batches=1,
        rows=10,
        handed_back=2,
    )
    store = Store.open(new)
    there = Desk(store)
    assert there.counts().pending == 9
    assert there.counted() == there.recount()
    assert there.ask("SELECT sum(crashes), sum(suspect), sum(errors) FROM jobs") == [(0, 0, 0)]
    assert len(there.take(9, session="s2")) == 9
    store.close()


def test_a_store_with_batches_is_kept_beside(
    sqlite_night: Desk, sqlite_url: str, file: Path, tmp_path: Path
) -> None:
    back_up(sqlite_url, file, ignore)
    sqlite_night.batch(batch_id="b-2")
    sqlite_night.store.close()
    with pytest.raises(UsageError, match=r"has 2 batches\. Say --yes"):
        restore(sqlite_url, file)
    assert restoring.batches_in(sqlite_url) == 2

    done = restore(sqlite_url, file, yes=True)

    kept = tmp_path / f"nightmill.db.replaced-{WHEN}"
    assert done.kept == str(kept)
    assert restoring.batches_in(sqlite_url) == 1
    assert restoring.batches_in(url_of(kept)) == 2
    assert left_in(tmp_path) == {"nightmill.db", "safe.db", kept.name}


def test_two_restores_in_one_second_keep_what_was_there_before_each(
    sqlite_night: Desk, sqlite_url: str, file: Path
) -> None:
    back_up(sqlite_url, file, ignore)
    sqlite_night.batch(batch_id="b-2")
    sqlite_night.store.close()

    kept = [restore(sqlite_url, file, yes=True).kept for _ in range(2)]

    assert [restoring.batches_in(f"sqlite:///{path}") for path in kept] == [2, 1]


def test_an_empty_postgres_takes_a_backup_and_a_full_one_never_does(
    sqlite_night: Desk, sqlite_url: str, file: Path, postgres_url: str
) -> None:
    back_up(sqlite_url, file, ignore)

    assert restore(postgres_url, file).handed_back == 2
    with pytest.raises(UsageError, match="createdb"):
        restore(postgres_url, file, yes=True)

    store = Store.open(postgres_url)
    assert Desk(store).counts().pending == 9
    store.close()


def test_a_damaged_store_is_replaced_and_kept_with_its_logs(
    sqlite_night: Desk,
    sqlite_url: str,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back_up(sqlite_url, file, ignore)
    sqlite_night.store.close()
    path = tmp_path / "nightmill.db"
    path.write_text(NO_DATABASE)
    with pytest.raises(UsageError, match=r"cannot be read\. Say --yes"):
        restore(sqlite_url, file)

    # SQLite removes a log that cannot be one.
    def closed(_path: Path) -> AbstractContextManager[None]:
        (tmp_path / "nightmill.db-wal").write_bytes(b"its log")
        return nullcontext()

    monkeypatch.setattr(restoring, "closed_file", closed)
    done = restore(sqlite_url, file, yes=True)

    assert done.kept is not None
    assert Path(done.kept + "-wal").read_bytes() == b"its log"
    assert restoring.batches_in(sqlite_url) == 1


def test_a_store_that_somebody_uses_is_not_replaced(
    sqlite_night: Desk, sqlite_url: str, file: Path
) -> None:
    back_up(sqlite_url, file, ignore)
    leader = Leadership(sqlite_url)
    assert leader.is_held()
    with pytest.raises(UsageError, match="in use: a dispatcher"):
        restore(sqlite_url, file, yes=True)
    leader.release()
    with sqlite_night.store.write() as c:
        hosts.announce(c, STUDIO)
        with pytest.raises(UsageError, match="in use: a program that writes"):
            restore(sqlite_url, file, yes=True)
    with pytest.raises(UsageError, match=f"in use: worker {STUDIO.name}"):
        restore(sqlite_url, file, yes=True)
    sqlite_night.do("DELETE FROM hosts")
    with sqlite_night.store.read() as c:
        c.execute(text("SELECT count(*) FROM jobs")).all()
        with pytest.raises(UsageError, match="a program that has it open"):
            restore(sqlite_url, file, yes=True)
    assert restoring.batches_in(sqlite_url) == 1


def test_files_that_are_no_backup_are_told(
    sqlite_night: Desk, sqlite_url: str, file: Path, tmp_path: Path
) -> None:
    new = url_of(tmp_path / "new.db")
    with pytest.raises(UsageError, match="There is no file"):
        restore(new, file)
    file.write_text(NO_DATABASE)
    with pytest.raises(UsageError, match="cannot be read as a backup"):
        restore(new, file)
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    with pytest.raises(UsageError, match="no backup of a store"):
        restore(new, file)
    with pytest.raises(UsageError, match="is the store itself"):
        restore(sqlite_url, Path(sqlite_url.removeprefix("sqlite:///")), yes=True)
    assert hidden_in(tmp_path) == []
    assert not (tmp_path / "new.db").exists()


def test_of_a_file_that_is_none_and_a_store_that_is_full_the_file_is_told_first(
    night: Desk, store_url: str, file: Path
) -> None:
    with pytest.raises(UsageError, match="There is no file"):
        restore(store_url, file)
    file.write_text(NO_DATABASE)
    with pytest.raises(UsageError, match="cannot be read as a backup"):
        restore(store_url, file)
    file.unlink()
    back_up(store_url, file, ignore)
    with pytest.raises(UsageError, match=r"is not empty|has 1 batch"):
        restore(store_url, file)
    with closing(sqlite3.connect(file)) as backup, backup:
        backup.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UsageError, match="newer than this program"):
        restore(store_url, file)


def test_a_backup_of_a_newer_program_is_refused_and_of_an_older_one_upgraded(
    sqlite_url: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(sqlite_url)
    Desk(store).do("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    shutil.copy(tmp_path / "nightmill.db", file)
    new = url_of(tmp_path / "new.db")

    with pytest.raises(UsageError, match="newer than this program"):
        restore(new, file)
    with monkeypatch.context() as earlier:
        make_old(file, earlier)
    done = restore(new, file)

    assert (done.from_version, done.batches) == ("0001", 0)
    Store.open(new).close()
    assert left_in(tmp_path) == {"nightmill.db", "safe.db", "new.db"}


def make_old(path: Path, patch: pytest.MonkeyPatch) -> None:
    """A store as the first version made it."""
    first = path.parent / "first"
    scripts = Path(migrate.__file__).parent / "migrations"
    shutil.copytree(scripts, first, ignore=shutil.ignore_patterns("__pycache__", "000[2-9]_*"))
    path.unlink()
    patch.setattr(migrate, "_SCRIPTS", first)
    migrate.make_file(path)
    shutil.rmtree(first)


def journal_of(url: str) -> str:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def refuse(*_: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("step", ["put_in_place", "_keep"])
def test_a_restore_that_fails_at_its_end_leaves_the_store_as_it_was(
    sqlite_night: Desk, sqlite_url: str, file: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    back_up(sqlite_url, file, ignore)
    sqlite_night.batch(batch_id="b-2")
    sqlite_night.store.close()
    monkeypatch.setattr(restoring, step, refuse)

    with pytest.raises(UsageError, match="cannot be made: Operation not permitted"):
        restore(sqlite_url, file, yes=True)

    assert journal_of(sqlite_url) == "wal"
    assert restoring.batches_in(sqlite_url) == 2


def test_where_no_file_can_have_two_names_the_old_store_is_kept_as_a_copy(
    sqlite_night: Desk,
    sqlite_url: str,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back_up(sqlite_url, file, ignore)
    sqlite_night.batch(batch_id="b-2")
    sqlite_night.store.close()
    monkeypatch.setattr(os, "link", refuse)

    done = restore(sqlite_url, file, yes=True)

    assert done.kept is not None
    assert restoring.batches_in(url_of(Path(done.kept))) == 2
    assert Path(done.kept).stat().st_mode & 0o777 == 0o600
    assert restoring.batches_in(sqlite_url) == 1


def test_a_restore_that_is_killed_changes_nothing(
    sqlite_night: Desk, sqlite_url: str, file: Path, tmp_path: Path
) -> None:
    back_up(sqlite_url, file, ignore)
    sqlite_night.batch(batch_id="b-2")
    sqlite_night.store.close()
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from jobs.store.restoring import restore\n"
        "file = Path(sys.argv[2])\n"
        "restore(sys.argv[1], file, lambda *_: os.kill(os.getpid(), 9), when='never',"
        " scratch=file.parent, is_replacing=True)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, sqlite_url, str(file)], check=False, env=dict(os.environ)
    )
    assert killed.returncode == -signal.SIGKILL
    assert restoring.batches_in(sqlite_url) == 2

    assert restore(sqlite_url, file, yes=True).batches == 1
    assert left_in(tmp_path) == {"nightmill.db", "safe.db", f"nightmill.db.replaced-{WHEN}"}
