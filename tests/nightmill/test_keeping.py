"""backup, restore, store copy and prune as they are typed."""

import errno
from pathlib import Path

import pytest

from jobs.locks import FileLock
from jobs.model import Outcome
from jobs.states import JobState
from jobs.store.store import Store
from nightmill import AsyncClient, Client
from nightmill.cli.share import Share
from nightmill.cli.signals import Signals
from nightmill.embedded.datadir import DataDir
from tests.jobs.store.desk import Desk
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import write_rows
from tests.nightmill.printed import check_printed
from worker import spool


@pytest.fixture
def night(mill: Path, command: Command) -> Path:
    """A home with a batch of three rows; the store's file."""
    write_rows(mill / "in.jsonl", 3)
    command("submit", "in.jsonl", "-o", "out.jsonl", "--name", "night")
    return mill / "data" / "nightmill.db"


@pytest.fixture
def old_night(night: Path, command: Command) -> Path:
    """The same, ended forty days ago."""
    command("cancel", "night")
    store = Store.open(f"sqlite:///{night}")
    Desk(store).do("UPDATE batches SET finished_at = finished_at - 40 * 86400")
    store.close()
    return night


def test_a_backup_is_restored(command: Command, night: Path, mill: Path) -> None:
    made = command("backup", "safe.db")
    command("delete", "night", "--yes")

    done = command("restore", "safe.db", "--json")

    assert made.status == 0
    assert "1 batch, 3 rows" in made.err
    assert "read again and whole" in made.err
    check_printed("restore", done.json)
    assert (done.json["batches"], done.json["rows"], done.json["kept"]) == (1, 3, None)
    assert "night" in command("batches").out


def test_a_store_with_batches_is_replaced_only_on_demand(
    command: Command, night: Path, mill: Path
) -> None:
    command("backup", "safe.db")

    refused = command("restore", "safe.db")
    done = command("restore", "safe.db", "--yes")

    assert (refused.status, done.status) == (2, 0)
    assert "has 1 batch. Say --yes" in refused.err
    [kept] = night.parent.glob("nightmill.db.replaced-*")
    assert f"What was there before is in {kept}" in done.err


def test_nothing_is_restored_while_the_services_run(
    command: Command, night: Path, mill: Path
) -> None:
    command("backup", "safe.db")
    with FileLock(DataDir(mill / "data").lock) as lock:
        lock.note("4711")
        refused = command("restore", "safe.db", "--yes")

    assert refused.status == 2
    assert "in use: process 4711" in refused.err


def test_a_backup_needs_a_store_and_a_free_place(command: Command, mill: Path) -> None:
    assert command("backup", "safe.db").status == 2
    assert not (mill / "data" / "nightmill.db").exists()
    write_rows(mill / "in.jsonl", 1)
    command("submit", "in.jsonl", "-o", "out.jsonl")
    assert command("backup", "safe.db").status == 0

    refused = command("backup", "safe.db")
    forced = command("backup", "safe.db", "--force")

    assert (refused.status, forced.status) == (2, 0)
    assert "--force" in refused.err


def test_programs_make_backups_too(night: Path, mill: Path) -> None:
    with Client() as client:
        done = client.backup("safe.db")
        assert (done.batches, done.rows) == (1, 3)
        assert client.backup(mill / "safe.db", force=True).file == str(mill / "safe.db")
    assert callable(AsyncClient.backup)


def test_a_store_is_copied_to_the_path_that_was_named(
    command: Command, night: Path, mill: Path
) -> None:
    done = command("store", "copy", "data/nightmill.db", "copy.db")
    again = command("store", "copy", "data/nightmill.db", "copy.db")

    assert done.status == 0
    assert "counted and compared, all the same" in done.err
    assert again.status == 2
    assert "is not empty" in again.err


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("postgresql://mill:canary@localhost/mill", "--password-file"),
        ("postgresql://mill@localhost/mill?password=canary", "--password-file"),
        ("postgresql://mill@localhost/mill?sslpassword=canary", "--password-file"),
        ("mysql://localhost/mill", "to be a URL that begins with"),
        ("sqlite:///relative.db", "absolute path"),
        ("data/nightmill.db", "Both are the store"),
        ("in.jsonl/copy.db", "cannot be made: "),
    ],
)
def test_places_of_no_use_are_refused_and_passwords_not_shown(
    command: Command, night: Path, place: str, words: str
) -> None:
    refused = command("store", "copy", "data/nightmill.db", place)

    assert refused.status == 2
    assert words in refused.err
    assert "canary" not in refused.err


def test_to_copy_what_is_no_store_is_wrong_use(command: Command, night: Path) -> None:
    refused = command("store", "copy", "in.jsonl", "copy.db")

    assert refused.status == 2
    assert "is not a Nightmill store" in refused.err


def test_a_file_that_is_no_backup_is_told_before_a_store_that_is_in_use(
    command: Command, night: Path, mill: Path
) -> None:
    with FileLock(DataDir(mill / "data").lock):
        refused = command("restore", "nowhere.db")

    assert refused.status == 2
    assert "There is no file" in refused.err


def test_the_help_of_a_command_in_a_group_has_an_example(command: Command) -> None:
    shown = command("store", "copy", "--help")

    assert "Example: nightmill store copy" in shown.out
    assert "--json" in shown.out


def test_only_what_ended_long_ago_is_pruned(command: Command, old_night: Path, mill: Path) -> None:
    command("submit", "in.jsonl", "-o", "other.jsonl", "--name", "today")

    would = command("prune", "--older-than", "30d", "--dry-run")
    asked = command("prune", "--older-than", "30d")
    younger = command("prune", "--older-than", "50d", "--yes", "--json")
    done = command("prune", "--older-than", "30d", "--yes")

    assert "1 batch with 3 rows would be deleted" in would.err
    assert "night" in would.err
    assert asked.status == 2
    assert "say --yes" in asked.err
    assert younger.json["batches"] == []
    assert "1 batch deleted, 3 rows" in done.err
    assert "today" in (left := command("batches").out)
    assert "night" not in left


def test_how_old_is_said_or_configured(
    command: Command, old_night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Say how old" in command("prune", "--yes").err
    wrong = command("prune", "--older-than", "soon", "--yes")
    monkeypatch.setenv("NIGHTMILL_STORE__PRUNE_AFTER", "30d")
    configured = command("prune", "--yes", "--json")

    assert wrong.status == 2
    assert "expected a duration" in wrong.err
    check_printed("prune", configured.json)
    assert configured.json["rows"] == 3


def test_status_tells_what_the_store_takes_and_what_is_free(
    command: Command, night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = command("status", "night")
    monkeypatch.setenv("NIGHTMILL_STORE__MIN_FREE", "900000 GB")
    out = command("status", "night")

    assert "free on its disk" in well.out
    assert "no more rows are begun" in out.out


def test_a_disk_that_does_not_say_how_full_it_is_is_told(
    command: Command, night: Path, mill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(folder: Path) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", folder)

    monkeypatch.setattr("jobs.disk.shutil.disk_usage", gone)
    monkeypatch.setattr(Store, "free_bytes", lambda _store: 10**9)

    told = command("status", "night")

    assert told.status == 3
    assert "The disk of the data directory" in told.err
    assert "Traceback" not in told.err


def test_a_long_copy_tells_how_far_it_is(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Signals() as signals:
        share = Share("Copying", signals)
        share(1, 4)
        monkeypatch.setattr("nightmill.cli.share.LINE_EVERY_S", 0.0)
        share = Share("Copying", signals)
        share(1, 4)

    assert capfd.readouterr().err == "Copying: 25%\n"


@pytest.mark.parametrize("words", [("delete", "night"), ("prune", "--older-than", "30d")])
def test_answers_on_this_machines_disk_go_with_their_batch(
    command: Command, old_night: Path, words: tuple[str, ...]
) -> None:
    store = Store.open(f"sqlite:///{old_night}")
    [(job_id,), *_] = Desk(store).ask("SELECT id FROM jobs ORDER BY line")
    folder = spool.folder_in(old_night.parent)
    kept = spool.Spool(folder, store.describe(), "a session that has died")
    kept.keep([answer(job_id)])
    kept.close()
    store.close()

    done = command(*words, "--yes")

    assert done.status == 0, done.err
    assert list(folder.iterdir()) == []
    assert b"CANARY" not in old_night.read_bytes()


def test_what_cannot_be_read_of_such_answers_goes_with_any_batch(
    command: Command, old_night: Path, mill: Path
) -> None:
    command("submit", "in.jsonl", "-o", "other.jsonl", "--name", "today")
    folder = spool.folder_in(old_night.parent)
    folder.mkdir()
    (folder / "s-1.damaged").write_text("CANARY")

    command("delete", "night", "--yes")

    assert list(folder.iterdir()) == []


def answer(job_id: str) -> Outcome:
    return Outcome(
        job_id=job_id,
        batch_id="b-1",
        run=1,
        epoch=1,
        attempt=1,
        session="s1",
        host="studio",
        pool="fake",
        model="fake",
        state=JobState.SUCCEEDED,
        started_at=1.0,
        text="CANARY",
        finish_reason="stop",
    )
