"""A worker's name: one living worker has it, and what a dead one held comes back at once."""

import time
from pathlib import Path

import msgspec
import pytest

from backends.base import Capabilities, ModelInfo
from jobs import guards
from jobs.errors import UsageError
from jobs.folders import locks_in
from jobs.model import GenerationResult
from jobs.store import hosts, running
from jobs.store.store import Store
from tests.worker.world import POOL, ask, hand_out, submit
from worker import presence, spool
from worker.outcomes import Identity, succeeded

WHO = Identity(session="s-new", host="studio", pool=POOL, guard="ours")
AWAY = Identity(session="s-away", host="studio", pool=POOL, guard="another machine's")
FOUND = Capabilities(
    models=(ModelInfo(name="small", size=1, context=1), ModelInfo(name="large", size=2, context=1)),
    loaded=("small",),
    slots=7,
    may_leave_machine=False,
)


def test_a_name_is_had_by_one_living_worker(tmp_path: Path) -> None:
    lock = presence.take_name(tmp_path / "locks", WHO)

    with pytest.raises(UsageError, match=r"fake@studio runs already \(process \d+\)"):
        presence.take_name(tmp_path / "locks", WHO, within_s=0)

    lock.release()
    presence.take_name(tmp_path / "locks", WHO).release()


def test_two_pools_of_one_machine_have_names_of_their_own(tmp_path: Path) -> None:
    other = msgspec.structs.replace(WHO, pool="other")

    for lock in [presence.take_name(tmp_path, who) for who in (WHO, other)]:
        lock.release()


def test_the_name_of_a_worker_that_lives_on_another_machine_is_refused(store: Store) -> None:
    presence.announce(store, AWAY, FOUND)

    with pytest.raises(UsageError, match=r"fake@studio runs on another machine .*`worker.name`"):
        presence.refuse_twin(store, WHO)
    with pytest.raises(UsageError, match=r"fake@studio runs on another machine"):
        presence.announce(store, WHO, FOUND)

    with store.read() as c:
        [row] = hosts.listing(c)
    assert row.session == AWAY.session


def test_the_name_of_one_that_is_silent_there_can_be_had_and_its_jobs_keep_their_lease(
    store: Store, tmp_path: Path
) -> None:
    submit(store, ["one"])
    presence.announce(store, AWAY, FOUND)
    hints = hand_out(store)
    with store.write() as c:
        running.claim(c, AWAY.session, AWAY.name, hints, 60)
        c.exec_driver_sql("UPDATE hosts SET seen_at = seen_at - 31")

    presence.refuse_twin(store, WHO)
    presence.take_back_jobs(store, tmp_path, WHO, max_crashes=3, blame_since=0.0)
    presence.announce(store, WHO, FOUND)

    with store.read() as c:
        [row] = hosts.listing(c)
    assert row.session == WHO.session
    assert ask(store, "SELECT state FROM jobs") == [("running",)]


def test_whoever_leads_takes_back_at_once_what_a_dead_worker_of_the_machine_held(
    store: Store, tmp_path: Path
) -> None:
    submit(store, ["one", "two", "three", "four"])
    guard = guards.guard_of(locks_in(tmp_path))
    dead, alive = (
        msgspec.structs.replace(WHO, session=name, host=name, guard=guard)
        for name in ("dead", "alive")
    )
    for who, hint in zip((dead, alive, AWAY), hand_out(store), strict=False):
        presence.announce(store, who, FOUND)
        with store.write() as c:
            running.claim(c, who.session, who.name, [hint], 60)
    lock = presence.take_name(locks_in(tmp_path), alive)

    presence.take_back_from_the_dead(store, tmp_path, guard, max_crashes=3, blame_since=0.0)

    lock.release()
    assert ask(store, "SELECT state, session FROM jobs ORDER BY line") == [
        ("pending", None),
        ("running", "alive"),
        ("running", AWAY.session),
        ("dispatched", None),
    ]
    with store.read() as c:
        assert [host.name for host in hosts.listing(c)] == ["fake@alive", "fake@studio"]


@pytest.mark.parametrize(("ahead_s", "words"), [(3600, "60 minutes ahead of"), (-3600, "behind")])
def test_a_clock_that_is_an_hour_off_is_named(store: Store, ahead_s: float, words: str) -> None:
    presence.refuse_wrong_clock(store, time.time)

    with pytest.raises(UsageError, match=rf"{words} the clock of the store .*Set the one"):
        presence.refuse_wrong_clock(store, lambda: time.time() + ahead_s)


@pytest.mark.parametrize("who_looks", ["leader", "next worker"])
def test_what_a_dead_worker_had_answered_is_recorded_before_its_jobs_are_taken_back(
    store: Store, tmp_path: Path, who_looks: str
) -> None:
    submit(store, ["one"])
    guard = guards.guard_of(locks_in(tmp_path))
    dead = msgspec.structs.replace(WHO, session="s-dead", guard=guard)
    presence.announce(store, dead, FOUND)
    hints = hand_out(store)
    with store.write() as c:
        [job] = running.claim(c, dead.session, dead.name, hints, 60)
    result = GenerationResult(
        text="yes", finish_reason="stop", input_tokens=1, output_tokens=1, model="small"
    )
    kept = spool.Spool(spool.folder_in(tmp_path), store.describe(), dead.session)
    kept.keep([succeeded(dead, job, result)])
    kept.close()

    if who_looks == "leader":
        presence.take_back_from_the_dead(store, tmp_path, guard, max_crashes=1, blame_since=0.0)
    else:
        follower = msgspec.structs.replace(dead, session="s-next")
        presence.take_back_jobs(store, tmp_path, follower, max_crashes=1, blame_since=0.0)

    assert ask(store, "SELECT state, crashes FROM jobs") == [("succeeded", 0)]
    assert ask(store, "SELECT text FROM results") == [("yes",)]


def test_nobody_is_blamed_for_a_worker_that_was_not_seen_since_we_lead(
    store: Store, tmp_path: Path
) -> None:
    submit(store, ["one"])
    guard = guards.guard_of(locks_in(tmp_path))
    dead = msgspec.structs.replace(WHO, session="s-dead", guard=guard)
    presence.announce(store, dead, FOUND)
    hints = hand_out(store)
    with store.write() as c:
        running.claim(c, dead.session, dead.name, hints, 60)

    presence.take_back_from_the_dead(
        store, tmp_path, guard, max_crashes=1, blame_since=time.time() + 60
    )

    assert ask(store, "SELECT state, suspect, crashes FROM jobs") == [("pending", 0, 0)]


def test_any_text_will_do_as_a_name(tmp_path: Path) -> None:
    odd = msgspec.structs.replace(WHO, host="../Anna's Mac/ü")

    lock = presence.take_name(tmp_path, odd)

    assert lock.path.parent == tmp_path
    lock.release()


def test_a_worker_is_listed_from_its_announcement_until_it_leaves(store: Store) -> None:
    presence.announce(store, WHO, FOUND)

    with store.read() as c:
        [row] = hosts.listing(c)
    assert (row.name, row.session, row.pool, row.slots) == ("fake@studio", "s-new", POOL, 7)
    assert row.models == ("small", "large")
    assert row.machine
    assert {"python", "celery"} <= row.software.keys()
    presence.leave(store, WHO)
    with store.read() as c:
        assert hosts.listing(c) == []


def test_what_an_earlier_session_of_the_name_held_is_given_back(
    store: Store, tmp_path: Path
) -> None:
    submit(store, ["one", "two", "three"])
    hints = hand_out(store)
    older = msgspec.structs.replace(WHO, session="s-old")
    elsewhere = Identity(session="s-other", host="server", pool=POOL)
    presence.announce(store, older, FOUND)
    with store.write() as c:
        running.claim(c, older.session, older.name, hints[:2], 60)
        running.claim(c, elsewhere.session, elsewhere.name, hints[2:], 60)

    presence.take_back_jobs(store, tmp_path, WHO, max_crashes=3, blame_since=0.0)

    assert ask(store, "SELECT state, suspect FROM jobs ORDER BY line") == [
        ("pending", 1),
        ("pending", 1),
        ("running", 0),
    ]


def test_nobody_is_blamed_for_a_machine_that_went_down(store: Store, tmp_path: Path) -> None:
    submit(store, ["one"])
    older = msgspec.structs.replace(WHO, session="s-old")
    presence.announce(store, older, FOUND)
    hints = hand_out(store)
    with store.write() as c:
        running.claim(c, older.session, older.name, hints, 60)

    presence.take_back_jobs(store, tmp_path, WHO, max_crashes=1, blame_since=time.time() + 60)

    assert ask(store, "SELECT state, suspect, crashes FROM jobs") == [("pending", 0, 0)]
