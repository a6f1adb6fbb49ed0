"""Scenes of keeping and clearing, as those of `crash_scenes.py`: what is deleted, backed up, put
back, copied, and told to others.
"""

import json

from tests.chaos.crash_mill import Home
from tests.chaos.crash_scenes import TWO_PAGES, Crash, go_on_until

BACKUP = "backup.db"


def deleting(home: Home, crash: Crash) -> None:
    home.change(rows=TWO_PAGES)
    home.submit()
    home.work_it_off()
    batch = home.batch
    crash.of(home, "delete", batch, "--yes")
    # Unknown by now where all was done but for saying so.
    home.do("delete", batch, "--yes", fine=(0, 2))
    home.assert_nothing_is_left_of_it()


def pruning(home: Home, crash: Crash) -> None:
    home.change(rows=TWO_PAGES)
    end_long_ago(home)
    crash.of(home, "prune", "--older-than", "1d", "--yes")
    home.do("prune", "--older-than", "1d", "--yes")
    home.assert_nothing_is_left_of_it()


def keeping_no_longer(home: Home, crash: Crash) -> None:
    """The dispatcher dies over deleting what ended long ago."""
    home.change(settings=('store.prune_after = "1d"',))
    end_long_ago(home)
    crash.of(home, "dispatch")
    go_on_until(home, lambda: not home.states("batches"), "the batch to go")
    home.assert_nothing_is_left_of_it()


def telling(home: Home, crash: Crash) -> None:
    """The dispatcher dies over telling that a batch is over."""
    told = home.path / "told"
    command = ["sh", "-c", f"cat >> {told}; echo >> {told}"]
    own = home.path / "own.toml"
    config = (home.path / "nightmill.toml").read_text()
    own.write_text(f"notify.command = {json.dumps(command)}\n{config}")
    home.submit("--notify")
    worker = home.start("worker", "fake")
    crash.of(home, "dispatch", "--config", str(own))

    def is_told() -> bool:
        return home.ask("SELECT id FROM notices") == []

    go_on_until(home, is_told, "everything to be told", "--config", str(own))
    worker.stop()
    worker.ended()
    home.assert_all_ended_once()
    events = [json.loads(line)["event"] for line in told.read_text().splitlines()]
    # What was told a moment before may be told again, and is never left out.
    may_be_twice = crash.point.endswith("._tell:commit:before")
    assert events == ["completed"] * (2 if may_be_twice else 1)


def backing_up(home: Home, crash: Crash) -> None:
    """What was at the path before is whole, whoever dies."""
    home.submit()
    home.do("backup", BACKUP)
    crash.of(home, "backup", BACKUP, "--force")
    restore_and_go_on(home)
    home.do("backup", BACKUP, "--force")


def restoring(home: Home, crash: Crash) -> None:
    home.submit()
    home.do("backup", BACKUP)
    home.work_it_off()
    home.close_store()
    crash.of(home, "restore", BACKUP, "--yes")
    home.do("batches")
    restore_and_go_on(home)


def copying_to_a_file(home: Home, crash: Crash) -> None:
    """The home's own store is to be the copy."""
    target = home.store_url
    home.move(f"sqlite:///{home.path / 'first.db'}")
    home.submit()
    words = ("store", "copy", home.store_url, target.replace(":@", "@"))
    home.close_store()
    crash.of(home, *words)
    # Refused where the copy was complete, and nothing but its name is missing.
    home.do(*words, fine=(0, 2))
    home.move(target)
    home.work_it_off()
    home.assert_all_ended_once()


def copying_to_a_database(home: Home, crash: Crash) -> None:
    copying_to_a_file(home, crash)


def end_long_ago(home: Home) -> None:
    home.submit()
    home.work_it_off()
    home.change_store("UPDATE batches SET finished_at = finished_at - 1e6")


def restore_and_go_on(home: Home) -> None:
    """A backup of a batch that was just accepted takes the place of the store."""
    home.close_store()
    home.do("restore", BACKUP, "--yes")
    assert home.states("jobs") == {"pending": home.rows}
    home.work_it_off()
    home.assert_all_ended_once()
