"""How a host stops: nothing more is claimed, what runs ends or is given back."""

import math
import threading
import time

import pytest

from backends.fake import FakeBackend, Script
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import StartHost
from tests.worker.flaky import FlakyStore
from tests.worker.world import POOL, ask, hand_out, submit
from worker.tally import Tally
from worker.task import carry


def states(store: Store) -> list[str]:
    return [state for (state,) in ask(store, "SELECT state FROM jobs ORDER BY line")]


def test_what_ends_within_the_grace_time_is_recorded_and_the_rest_handed_back(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["quick", "endless", "not begun"])
    backend = FakeBackend(Script(delays={"quick": 0.2, "endless": math.inf}), slots=2)
    host = start_host(store, backend, grace_s=0.8)
    tally = Tally(POOL, 3)
    hints = hand_out(store)
    pack = host.run_pack(hints, tally)
    eventually(lambda: backend.in_flight == 2, "two jobs under way", 10)

    host.drain()
    pack.result(10)

    assert states(store) == ["succeeded", "pending", "dispatched"]
    assert tally.left_over == (hints[2],)
    assert ask(store, "SELECT errors, crashes FROM jobs") == [(0, 0)] * 3
    assert ask(store, "SELECT outcome FROM attempts ORDER BY outcome") == [
        ("handed_back",),
        ("succeeded",),
    ]
    assert backend.in_flight == 0


def test_the_second_signal_hands_back_at_once(store: Store, start_host: StartHost) -> None:
    submit(store, ["endless"])
    backend = FakeBackend(Script(delays={"endless": math.inf}))
    host = start_host(store, backend, grace_s=600)
    pack = host.run_pack(hand_out(store), Tally(POOL, 1))
    eventually(lambda: backend.in_flight, "the job under way", 10)

    host.drain_or_hand_back()
    with pytest.raises(TimeoutError):
        pack.result(0.2)
    host.drain_or_hand_back()
    pack.result(10)

    assert states(store) == ["pending"]


def test_a_job_claimed_in_the_moment_of_the_second_signal_is_handed_back(
    sqlite_store: Store, start_host: StartHost
) -> None:
    submit(sqlite_store, ["endless"])
    backend = FakeBackend(Script(delays={"endless": math.inf}))
    host = start_host(sqlite_store, backend, grace_s=600)
    flaky = FlakyStore(sqlite_store)
    host._writer._commits._store = flaky
    flaky.refusals = math.inf
    slots = host._pipeline._slots
    all_free = slots._free
    pack = host.run_pack(hand_out(sqlite_store), Tally(POOL, 1))
    # A heartbeat may be what is tried first: the slot is taken when the claim is asked for.
    eventually(lambda: flaky.tried and slots._free < all_free, "the claim", 10)

    host.drain_or_hand_back()
    host.drain_or_hand_back()
    flaky.refusals = 0
    pack.result(10)

    assert states(sqlite_store) == ["pending"]
    assert backend.seen == []


def test_an_answer_that_is_being_recorded_is_not_thrown_away(
    sqlite_store: Store, start_host: StartHost
) -> None:
    submit(sqlite_store, ["one"])
    backend = FakeBackend()
    host = start_host(sqlite_store, backend)
    flaky = FlakyStore(sqlite_store)
    host._writer._commits._store = flaky
    flaky.lost_replies = 3
    pack = host.run_pack(hand_out(sqlite_store), Tally(POOL, 1))
    eventually(lambda: backend.seen and not backend.in_flight, "the answer", 10)

    host.drain_or_hand_back()
    host.drain_or_hand_back()
    pack.result(10)

    assert states(sqlite_store) == ["succeeded"]


def test_closing_a_host_ends_its_threads_and_its_backend(
    sqlite_store: Store, start_host: StartHost
) -> None:
    before = threading.active_count()
    submit(sqlite_store, ["one"])
    backend = FakeBackend()
    host = start_host(sqlite_store, backend)
    carry(hand_out(sqlite_store), Tally(POOL, 1), host.run_pack)

    began = time.monotonic()
    host.close()

    assert threading.active_count() == before
    assert not backend.is_open
    assert time.monotonic() - began < 20
