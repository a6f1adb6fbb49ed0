"""For each point at which a process may die: how it comes there, and how its user goes on.

A scene lets a process die, gives the same command again (or starts the process again), and brings
the batch to its end.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import redis

from jobs.store import ending, migrate, tunnels
from jobs.store.paging import FIRST_PAGE
from tests.chaos import crash_hooks
from tests.chaos.crash_mill import OUT, ROWS, SUBMIT, TERMINATED, Home
from tests.chaos.crash_sites import ROOT
from tests.jobs.store.test_tunnels import tunnel
from tests.waiting import eventually
from worker import spool

ENDLESS = {"row 0": 1e9}
#: Rows that are retried or deleted in two transactions.
TWO_PAGES = FIRST_PAGE + 10
#: How often a scene is played in which a point may not be passed.
MOST_TRIES = 6


class Crash(NamedTuple):
    """Where a process dies: at its `nth` passing of a point."""

    point: str
    nth: int = 1

    def of(self, home: Home, *words: str, **more: object) -> None:
        """Let a command die there."""
        home.start(*words, point=self.point, nth=self.nth, **more).died()


def submitting(home: Home, crash: Crash) -> None:
    crash.of(home, *SUBMIT)
    home.submit()
    home.work_it_off()
    home.assert_all_ended_once()


def making_a_store(home: Home, crash: Crash) -> None:
    submitting(home, crash)


def making_a_postgres_store(home: Home, crash: Crash) -> None:
    submitting(home, crash)


def upgrading(home: Home, crash: Crash) -> None:
    make_store_of_the_first_version(home)
    submitting(home, crash)


def submitting_again(home: Home, crash: Crash) -> None:
    home.submit()
    submitting(home, crash)


def submitting_what_was_cancelled(home: Home, crash: Crash) -> None:
    home.change(rows=TWO_PAGES)
    home.submit()
    home.do("cancel", home.batch)
    submitting(home, crash)
    assert home.states("results") == {"cancelled": home.rows, "succeeded": home.rows}


def submitting_less(home: Home, crash: Crash) -> None:
    """Of what was cancelled a part leaves the input, and comes back later."""
    home.change(rows=TWO_PAGES)
    home.submit()
    home.do("cancel", home.batch)
    home.change(rows=5)
    crash.of(home, *SUBMIT)
    home.submit()
    home.work_it_off()
    assert home.states("jobs")["succeeded"] == home.rows
    home.change(rows=TWO_PAGES)
    home.submit()
    home.work_it_off()
    home.assert_all_ended_once()


def dispatching(home: Home, crash: Crash) -> None:
    """The dispatcher dies, and the worker lives on."""
    home.submit()
    worker = home.start("worker", "fake")
    # So that it has a pool at its first look, when it does all that it does now and then.
    eventually(lambda: home.ask("SELECT name FROM hosts"), "the worker")
    crash.of(home, "dispatch")
    dispatcher = home.start("dispatch")
    home.until_over()
    home.stop(dispatcher, worker)
    home.assert_all_ended_once()


def working(home: Home, crash: Crash) -> None:
    """The worker dies, and the dispatcher lives on."""
    home.submit()
    dispatcher = home.start("dispatch")
    # A heartbeat that has something to keep comes a second after the first one.
    delays = {"row 5": 1.5} if ":beat:" in crash.point and crash.nth > 1 else {}
    crash.of(home, "worker", "fake", delays=delays)
    worker = home.start("worker", "fake")
    home.until_over()
    home.stop(dispatcher, worker)
    home.assert_all_ended_once()


def connecting_a_worker(home: Home, crash: Crash) -> None:
    """The worker dies before it takes anything."""
    working(home, crash)


def ending_a_worker(home: Home, crash: Crash) -> None:
    """The worker is asked to end amid its work, and dies over it."""
    home.change(slots=1)
    home.submit()
    dispatcher = home.start("dispatch")
    # Who puts a waiting message back, Celery or we, depends on how far it has come by then.
    assert any(dies_at_its_end(home, crash) for _ in range(MOST_TRIES)), f"{crash} is not passed"
    another = home.start("worker", "fake")
    home.until_over()
    home.stop(dispatcher, another)
    home.assert_all_ended_once()


def dies_at_its_end(home: Home, crash: Crash) -> bool:
    worker = home.start("worker", "fake", delays=ENDLESS, point=crash.point, nth=crash.nth)
    until_one_runs_and_one_waits(home)
    worker.stop()
    return worker.died_or_ended()


def disconnecting_a_worker(home: Home, crash: Crash) -> None:
    """The worker dies over taking leave of the broker."""
    ending_a_worker(home, crash)


def ending_a_dispatcher(home: Home, crash: Crash) -> None:
    """The dispatcher is asked to end amid its work, and dies over it."""
    home.change(slots=1)
    home.submit()
    dispatcher = home.start("dispatch", point=crash.point, nth=crash.nth)
    worker = home.start("worker", "fake", delays=ENDLESS)
    until_one_runs_and_one_waits(home)
    dispatcher.stop()
    dispatcher.died()
    worker.stop()
    worker.ended()
    home.work_it_off()
    home.assert_all_ended_once()


def taking_back_from_the_dead(home: Home, crash: Crash) -> None:
    """The worker has died, and the dispatcher dies over giving its jobs back."""
    home.submit()
    worker = home.start("worker", "fake", delays=ENDLESS)
    dispatcher = home.start("dispatch", point=crash.point, nth=crash.nth)
    eventually(lambda: home.states("jobs")["running"], "a job that runs")
    worker.kill()
    dispatcher.died()
    home.work_it_off()
    home.assert_all_ended_once()


def recording_what_was_kept(home: Home, crash: Crash) -> None:
    """A worker has died with answers that the store did not take; the next dies over them."""
    home.submit()
    dispatcher = home.start("dispatch")
    worker = home.start("worker", "fake", store_takes_no_records=True)
    kept = home.path / "data" / "spool"
    eventually(lambda: spool.waiting(kept), "an answer on the disk")
    worker.kill()
    crash.of(home, "worker", "fake")
    another = home.start("worker", "fake")
    home.until_over()
    home.stop(dispatcher, another)
    home.assert_all_ended_once()
    assert list(kept.iterdir()) == []


def pausing(home: Home, crash: Crash) -> None:
    """The dispatcher dies over pausing a batch of which too much fails."""
    home.change(rows=160)
    home.submit()
    worker = home.start("worker", "fake", delays=ENDLESS, refuses_all=True)
    eventually(lambda: home.ask("SELECT name FROM hosts"), "the worker")
    crash.of(home, "dispatch")
    worker.stop()
    worker.ended()
    home.do("retry", home.batch)
    home.work_it_off()
    home.assert_all_ended_once()


def running(home: Home, crash: Crash) -> None:
    """All of a stack dies with the process that runs it, just after one of its workers has."""
    home.change(broker_url=None)
    crash.of(home, "run", ROWS, "-o", OUT, env=in_children(home, WORKER_DIES))
    home.assert_nothing_is_left_running()
    home.do("run", ROWS, "-o", OUT)
    home.assert_nothing_is_left_running()
    home.assert_all_ended_once()


def running_on(home: Home, crash: Crash) -> None:
    """The worker of a stack dies; the stack starts another."""
    home.change(broker_url=None)
    home.start("run", ROWS, "-o", OUT, env=in_children(home, crash)).ended()
    assert note_of_children(home).read_text() == crash.point
    home.assert_nothing_is_left_running()
    home.assert_all_ended_once()


def delivering(home: Home, crash: Crash) -> None:
    home.submit()
    home.work_it_off()
    crash.of(home, "run", ROWS, "-o", OUT)
    home.do("run", ROWS, "-o", OUT)
    home.assert_all_ended_once()


def cancelling(home: Home, crash: Crash) -> None:
    home.change(rows=TWO_PAGES)
    home.submit()
    crash.of(home, "cancel", home.batch)
    home.do("cancel", home.batch)
    home.assert_all_ended_once("cancelled")


def cancelling_a_row(home: Home, crash: Crash) -> None:
    home.change(rows=1)
    home.submit()
    crash.of(home, "cancel", home.batch, "--row", "r0")
    home.do("cancel", home.batch, "--row", "r0")
    go_on_until(home, lambda: "completed" in home.states("batches"), "the batch to end")
    home.assert_all_ended_once("cancelled")


def ending_the_rest(home: Home, crash: Crash) -> None:
    """Who cancelled has died half-way, and the dispatcher dies over what is left."""
    home.submit()
    with home.store.write() as c:
        ending.cancel(c, home.batch, limit=2)
    crash.of(home, "dispatch")
    go_on_until(home, lambda: home.states("jobs").keys() == {"cancelled"}, "the rest to end")
    home.assert_all_ended_once("cancelled")


def expiring(home: Home, crash: Crash) -> None:
    """The dispatcher dies over a batch that is too late."""
    home.submit("--deadline", "2s")
    crash.of(home, "dispatch")
    go_on_until(home, lambda: home.states("batches").keys() == {"expired"}, "the batch to expire")
    home.assert_all_ended_once("expired")


def editing(home: Home, crash: Crash) -> None:
    home.change(rows=TWO_PAGES)
    home.submit()
    home.change_store("UPDATE jobs SET model = 'another'")
    words = ("edit", home.batch, "--model", "fake", "--priority", "5")
    crash.of(home, *words)
    home.do(*words)
    assert home.ask("SELECT DISTINCT b.priority, j.model FROM batches b, jobs j") == [(5, "fake")]
    home.work_it_off()
    home.assert_all_ended_once()


def pausing_by_hand(home: Home, crash: Crash) -> None:
    home.submit()
    crash.of(home, "pause", home.batch)
    home.do("pause", home.batch)
    assert home.ask("SELECT count(*) FROM batches WHERE paused_reason IS NULL") == [(0,)]
    home.do("resume", home.batch)
    home.work_it_off()
    home.assert_all_ended_once()


def forgetting_a_tunnel(home: Home, crash: Crash) -> None:
    """What is forgotten in one commit stays forgotten, or can be forgotten again."""
    home.submit()
    with home.store.write() as c:
        tunnels.take(c, tunnel(pools=("fake",)))
    home.change_store("UPDATE tunnels SET lease_until = 0")
    crash.of(home, "tunnel", "forget", "home")
    home.do("tunnel", "forget", "home", fine=(0, 2))
    assert home.ask("SELECT name FROM tunnels") == []
    home.work_it_off()
    home.assert_all_ended_once()


def ending_a_pause(home: Home, crash: Crash) -> None:
    """The dispatcher dies over letting go on what was paused until now."""
    home.submit()
    home.do("pause", home.batch, "--for", "1s")
    home.do("pause", "fake", "--for", "1s")
    crash.of(home, "dispatch")
    home.work_it_off()
    home.assert_all_ended_once()


def resuming(home: Home, crash: Crash) -> None:
    home.submit()
    home.do("pause", home.batch)
    crash.of(home, "resume", home.batch)
    home.do("resume", home.batch)
    home.work_it_off()
    home.assert_all_ended_once()


def retrying(home: Home, crash: Crash) -> None:
    home.change(rows=TWO_PAGES)
    home.submit("--max-failures", "100%")
    home.work_it_off(refuses_all=True)
    assert home.states("results") == {"failed": home.rows}
    crash.of(home, "retry", home.batch)
    home.do("retry", home.batch)
    home.work_it_off()
    home.assert_all_ended_once()
    assert home.states("results") == {"failed": home.rows, "succeeded": home.rows}
    noted = home.ask("SELECT detail FROM actions WHERE verb = 'retry'")
    assert sum(json.loads(detail)["rows"] for (detail,) in noted) == home.rows


def living_a_whole_life(home: Home) -> None:
    """Nobody dies."""
    home.change(slots=1)
    home.submit()
    dispatcher = home.start("dispatch")
    worker = home.start("worker", "fake", delays=ENDLESS)
    until_one_runs_and_one_waits(home)
    home.stop(dispatcher, worker)
    home.work_it_off()
    home.do("run", ROWS, "-o", OUT)
    home.assert_all_ended_once()
    home.do("delete", home.batch, "--yes")


def make_store_of_the_first_version(home: Home) -> None:
    first = home.path / "first"
    newer = shutil.ignore_patterns("__pycache__", "000[2-9]_*")
    shutil.copytree(migrate._SCRIPTS, first, ignore=newer)
    with pytest.MonkeyPatch.context() as earlier:
        earlier.setattr(migrate, "_SCRIPTS", first)
        earlier.setattr(migrate, "HEAD", "0001")
        migrate.prepare(home.store_url)


def go_on_until(home: Home, holds: Callable[[], bool], what: str, *options: str) -> None:
    """Start a dispatcher anew, as where another one has died."""
    dispatcher = home.start("dispatch", *options)
    # Before it leads it cannot be ended well.
    eventually(lambda: dispatcher.has_said("Leading") and holds(), what)
    dispatcher.stop()
    dispatcher.ended(TERMINATED)


def until_one_runs_and_one_waits(home: Home) -> None:
    """With messages that the worker has received and not begun."""
    assert home.broker_url is not None
    address = home.broker_url.removeprefix("redis+socket://")
    with redis.Redis(unix_socket_path=address) as client:
        eventually(lambda: client.hlen("nightmill:1:unacked") > home.slots, "a message that waits")
    eventually(lambda: home.states("jobs")["running"], "a job that runs")


def in_children(home: Home, crash: Crash) -> dict[str, str]:
    """What lets a worker die that a process under test has started: the first of them."""
    folders = (ROOT / "tests" / "chaos" / "crash_site", ROOT)
    return {
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        crash_hooks.ENV: f"{crash.point} {crash.nth} {note_of_children(home)}",
    }


def note_of_children(home: Home) -> Path:
    return home.path / "children.note"


#: One that has answers in its hands, and jobs beside them.
WORKER_DIES = Crash("worker.commit.Commits.commit:record:before")
