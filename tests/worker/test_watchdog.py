"""A worker that has gone deaf lets its jobs end and ends itself; one with a reason does not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from jobs.broker import celery_app, waiting_messages
from jobs.errors import BrokerError
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import Process
from tests.worker.test_process import publish, states
from tests.worker.world import POOL, hand_out, submit
from worker.watchdog import DEAF_S, Condition, Hearing

WELL = Condition(has_free_slots=True, store_answers=True, packs=7)


def lost_after(looks: list[tuple[Condition, int]]) -> bool:
    """Whether a host is taken for deaf after looks of which each comes half its time later."""
    hearing, now = Hearing(since=0.0, looked_at=0.0, packs=7), 0.0
    for host, messages in looks:
        now += DEAF_S / 2
        hearing = hearing.looked(host, messages, now)
    return hearing.is_lost(now)


def test_who_hears_nothing_though_there_are_messages_is_deaf() -> None:
    assert not lost_after([(WELL, 1)])
    assert lost_after([(WELL, 1), (WELL, 1)])


def test_who_stood_still_is_not_deaf() -> None:
    hearing = Hearing(since=0.0, looked_at=0.0, packs=7).looked(WELL, 1, 10 * DEAF_S)

    assert not hearing.is_lost(10 * DEAF_S)


@pytest.mark.parametrize(
    "look",
    [
        (WELL, 0),
        (replace(WELL, has_free_slots=False), 1),
        (replace(WELL, store_answers=False), 1),
        (replace(WELL, packs=8), 1),
    ],
    ids=["no message", "no free slot", "no store", "heard something"],
)
def test_who_has_a_reason_is_not_deaf(look: tuple[Condition, int]) -> None:
    assert not lost_after([(WELL, 1), look])
    assert not lost_after([look, (WELL, 1)])


def test_messages_that_wait_are_counted(broker_url: str, sqlite_store: Store) -> None:
    app = celery_app(broker_url, (POOL,))
    assert waiting_messages(app, POOL) == 0
    submit(sqlite_store, ["one", "two"])
    publish(broker_url, hand_out(sqlite_store), pack=1)
    assert waiting_messages(app, POOL) == 2


def test_a_broker_that_is_away_is_no_reason() -> None:
    with pytest.raises(BrokerError):
        waiting_messages(celery_app("redis+socket:///nowhere/at/all", (POOL,)), POOL)


def test_a_worker_whose_consumer_went_silent_lets_its_job_end_and_ends(
    sqlite_store: Store, broker_url: str, start_worker: Callable[..., Process]
) -> None:
    submit(sqlite_store, ["slow", "unheard"])
    worker = start_worker(slots=2, delays={"slow": 4.0}, deaf_s=1.0)
    eventually(worker.is_ready, "the worker", 60)
    slow, unheard = hand_out(sqlite_store)
    publish(broker_url, [slow])
    eventually(lambda: states(sqlite_store)[0] == "running", "the first job", 60)

    app = celery_app(broker_url, (POOL,))
    app.control.cancel_consumer(POOL, destination=[f"{POOL}@here"], reply=True, timeout=10)
    publish(broker_url, [unheard])

    assert worker.status() == 3, worker.log
    assert "[deaf]" in worker.log or "none has come in" in worker.log
    # Nothing was broken off for it, and what was not heard is still there.
    assert states(sqlite_store) == ["succeeded", "dispatched"]
    assert waiting_messages(app, POOL) == 1
