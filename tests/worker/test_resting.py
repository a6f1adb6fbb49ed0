"""How a host comes to rest and works again: pauses from the store, hours from its clock."""

import math
from datetime import datetime
from typing import Any

import pytest

from backends.errors import ParkBackendError
from backends.fake import FakeBackend, Script
from jobs.store import dispatch, hosts, rests
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import StartHost
from tests.worker.world import POOL, ask, hand_out, submit
from worker import resting
from worker.host import Host
from worker.tally import Tally


class Clock:
    """The clock of the machine, which shows what the test says."""

    def __init__(self, shows: str) -> None:
        self.shows = shows

    def __call__(self) -> float:
        return datetime.fromisoformat(self.shows).astimezone().timestamp()


class Stubborn(FakeBackend):
    """Would not give its memory back at first."""

    async def rest(self) -> None:
        await super().rest()
        if self.rests == 1:
            raise ParkBackendError("The server does not answer.")


def pause(store: Store, for_s: float | None = None) -> None:
    with store.write() as c:
        rests.pause(c, POOL, "filming", for_s)


def resume(store: Store) -> None:
    with store.write() as c:
        assert rests.go_on(c, POOL)


def states(store: Store) -> list[str]:
    return [state for (state,) in ask(store, "SELECT state FROM jobs ORDER BY line")]


def told(store: Store) -> list[tuple[Any, ...]]:
    return ask(store, "SELECT rests_because FROM hosts")


def is_live(store: Store) -> bool:
    with store.read() as c:
        return bool(dispatch.live_pools(c, hosts.ALIVE_S))


def begin(store: Store, host: Host, backend: FakeBackend, prompts: list[str]) -> None:
    """Run jobs that do not end until they are broken off."""
    submit(store, prompts)
    host.run_pack(hand_out(store), Tally(POOL, len(prompts)))
    eventually(lambda: backend.in_flight == len(prompts), "the jobs under way", 20)


def test_a_pause_lets_jobs_end_for_the_grace_time_and_hands_the_rest_back_uncharged(
    store: Store, start_host: StartHost
) -> None:
    backend = FakeBackend(Script(delays={"quick": 2.0, "endless": math.inf}), slots=2)
    host = start_host(store, backend, grace_s=4)
    begin(store, host, backend, ["quick", "endless"])

    pause(store)

    eventually(lambda: backend.rests == 1, "the rest", 30)
    eventually(lambda: states(store) == ["succeeded", "pending"], "the job to be handed back", 10)
    assert backend.in_flight == 0
    assert ask(store, "SELECT errors, crashes, suspect FROM jobs") == [(0, 0, 0)] * 2
    assert ask(store, "SELECT outcome FROM attempts ORDER BY outcome") == [
        ("handed_back",),
        ("succeeded",),
    ]
    assert told(store) == [("paused",)]
    assert not host.condition().has_free_slots


def test_a_pool_that_is_resumed_works_again_and_nothing_is_lost(
    store: Store, start_host: StartHost
) -> None:
    backend = FakeBackend(Script(delays={"endless": math.inf}))
    host = start_host(store, backend, grace_s=0)
    begin(store, host, backend, ["endless"])
    pause(store)
    eventually(lambda: states(store) == ["pending"], "the job to be handed back", 20)
    backend.script.delays["endless"] = 0.0

    resume(store)

    eventually(lambda: is_live(store), "the pool", 20)
    assert told(store) == [(None,)]
    host.run_pack(hand_out(store), Tally(POOL, 1))
    eventually(lambda: states(store) == ["succeeded"], "the answer", 20)


def test_a_pack_that_came_while_it_rests_waits_and_misses_what_was_taken_back(
    store: Store, start_host: StartHost
) -> None:
    backend = FakeBackend()
    host = start_host(store, backend)
    pause(store)
    eventually(lambda: told(store) == [("paused",)], "the rest", 20)
    submit(store, ["one"])
    pack = host.run_pack(hand_out(store), Tally(POOL, 1))
    with store.write() as c:
        assert rests.recall(c) == 1

    resume(store)
    pack.result(20)

    assert states(store) == ["pending"]
    assert backend.seen == []


def test_a_resume_within_the_grace_time_breaks_nothing_off(
    store: Store, start_host: StartHost
) -> None:
    backend = FakeBackend(Script(delays={"endless": math.inf}))
    host = start_host(store, backend, grace_s=600)
    begin(store, host, backend, ["endless"])
    pause(store)
    eventually(lambda: told(store) == [("paused",)], "the rest", 20)

    resume(store)

    eventually(lambda: told(store) == [(None,)], "its end", 20)
    assert (backend.in_flight, backend.rests) == (1, 0)
    assert host.condition().has_free_slots
    for _ in ("drain", "at once"):
        host.drain_or_hand_back()


def test_outside_the_hours_of_its_pool_it_rests_by_its_own_clock(
    store: Store, start_resting: StartHost
) -> None:
    clock = Clock("2026-11-24 06:59:59")
    backend = FakeBackend(Script(delays={"endless": math.inf}))
    host = start_resting(store, backend, clock, grace_s=0)
    begin(store, host, backend, ["endless"])

    clock.shows = "2026-11-24 07:00:00"

    eventually(lambda: states(store) == ["pending"], "the job to be handed back", 20)
    eventually(lambda: backend.rests == 1, "the rest", 20)
    with store.read() as c:
        (row,) = hosts.listing(c)
    assert row.rest == hosts.Rest(because="hours", until=Clock("2026-11-24 22:00:00")())

    clock.shows = "2026-11-24 22:00:00"
    eventually(lambda: is_live(store), "the pool", 20)


def test_a_host_that_is_started_outside_its_hours_is_never_handed_anything(
    store: Store, start_resting: StartHost
) -> None:
    host = start_resting(store, FakeBackend(), Clock("2026-11-24 12:00"))

    assert not is_live(store)
    assert told(store) == [("hours",)]
    assert not host.condition().has_free_slots


def test_a_server_that_would_not_give_its_memory_back_is_asked_again(
    store: Store, start_resting: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resting, "ASK_AGAIN_S", 0.0)
    backend = Stubborn()

    start_resting(store, backend, Clock("2026-11-24 12:00"))

    eventually(lambda: backend.rests == 2, "the second time", 20)


def test_a_host_that_rests_is_closed_at_once_and_sends_back_what_waits(
    sqlite_store: Store, start_resting: StartHost
) -> None:
    host = start_resting(sqlite_store, FakeBackend(), Clock("2026-11-24 12:00"), grace_s=600)
    submit(sqlite_store, ["one"])
    (hint,) = hand_out(sqlite_store)
    tally = Tally(POOL, 1)
    pack = host.run_pack([hint], tally)

    host.close()

    pack.result(10)
    assert tally.left_over == (hint,)
