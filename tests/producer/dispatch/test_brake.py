"""A batch that fails too much is paused by whoever leads, on both databases."""

from collections import Counter

import pytest
from sqlalchemy import Connection

from jobs.store import batches, ending, pauses
from jobs.store.store import Store
from producer.dispatcher import Dispatcher
from tests.producer.dispatch.scene import Clock, Outbox, Work, look


def test_a_batch_that_only_fails_is_paused_and_the_others_go_on(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=119)
    bad = work.batch(200)
    dispatcher.step()
    work.fail(outbox.take())
    good = work.batch(50)

    look(dispatcher, clock)

    assert work.paused_reason(bad) == (
        "120 of its last 120 rows failed, more than the 50 % allowed"
    )
    assert work.paused_reason(good) is None
    work.run(outbox.take())
    look(dispatcher, clock)
    assert work.batch_state(good) == "completed"
    assert work.states(bad) == {"pending": 80, "failed": 120}


def test_what_was_dispatched_of_it_comes_back_and_leaves_the_window_to_others(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=119)
    bad = work.batch(300)
    dispatcher.step()
    work.fail(outbox.take())
    dispatcher.step()
    sent = outbox.take()
    assert len(sent) >= 120

    look(dispatcher, clock)

    assert work.claim(sent) == []
    assert work.states(bad) == {"pending": 180, "failed": 120}


def test_a_batch_in_which_less_fails_than_is_allowed_goes_on(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=119)
    half, any_number = work.batch(120), work.batch(120, max_failures=1.0)
    for _ in range(2):
        dispatcher.step()
        hints = outbox.take()
        work.run(hints[:60])
        work.fail(hints[60:])
        look(dispatcher, clock)
    work.fail(outbox.take())
    look(dispatcher, clock)

    assert work.paused_reason(half) is work.paused_reason(any_number) is None
    assert work.batch_state(half) == "completed"


def test_after_it_was_resumed_a_batch_is_judged_by_what_came_since(
    work: Work, store: Store, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=119)
    batch = work.batch(500)
    dispatcher.step()
    work.fail(outbox.take())
    look(dispatcher, clock)
    with store.write() as c:
        assert pauses.go_on(c, batch)

    look(dispatcher, clock)
    work.fail(outbox.take()[:90])
    look(dispatcher, clock)
    assert work.paused_reason(batch) is None

    work.fail(outbox.take())
    look(dispatcher, clock)
    assert work.paused_reason(batch) is not None


@pytest.fixture
def too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is to be paused is cancelled just before."""
    pause = pauses.pause

    def pause_too_late(c: Connection, batch_id: str, reason: str) -> Counter[str] | None:
        ending.cancel(c, batch_id)
        return pause(c, batch_id, reason)

    monkeypatch.setattr(pauses, "pause", pause_too_late)


@pytest.mark.usefixtures("too_late")
def test_a_batch_that_ended_in_the_meantime_is_not_called_paused(
    work: Work,
    dispatcher: Dispatcher,
    outbox: Outbox,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    work.host(slots=119)
    batch = work.batch(300)
    dispatcher.step()
    work.fail(outbox.take())

    look(dispatcher, clock)

    assert work.batch_state(batch) == "cancelled"
    assert "is paused" not in caplog.text


def test_a_new_leader_begins_with_a_clean_record(
    work: Work, store: Store, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=119)
    batch = work.batch(300)
    dispatcher.step()
    work.fail(outbox.take())

    look(Dispatcher(store, outbox, clock), clock)  # type: ignore[arg-type]

    assert work.paused_reason(batch) is None


def test_lines_that_could_not_be_read_are_no_failures_of_the_run(
    work: Work, store: Store, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=119)
    batch = work.batch(300)
    dispatcher.step()
    work.run(outbox.take()[:10])
    look(dispatcher, clock)
    work.sql("UPDATE jobs SET state = 'failed', run = 0 WHERE state = 'pending' AND line > 150")
    work.sql("INSERT INTO counters (batch_id, failed, pending) VALUES (:id, 150, -150)", id=batch)
    with store.write() as c:
        batches.reopen_ingest(c, batch)
    work.sql("UPDATE batches SET state = 'open' WHERE id = :id", id=batch)

    look(dispatcher, clock)
    look(dispatcher, clock)

    assert work.paused_reason(batch) is None
