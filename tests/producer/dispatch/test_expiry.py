"""Deadlines pass: what is done stays, and all else expires, whoever is stopped meanwhile."""

import pytest

from jobs.store import actions, batches, editing
from jobs.store.store import Store
from producer import expiry
from producer.dispatcher import UPKEEP_S, Dispatcher
from tests.producer.dispatch.scene import Clock, Outbox, Work, look


def pass_deadline(work: Work, batch: str) -> None:
    work.sql("UPDATE batches SET deadline = created_at - 1 WHERE id = :id", id=batch)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "PAGE", 4)


def test_what_is_done_by_the_deadline_stays_and_the_rest_expires(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    batch = work.batch(20)
    dispatcher.step()
    first, *rest = outbox.take()
    work.run([first])
    work.claim(rest)
    pass_deadline(work, batch)
    look(dispatcher, clock)

    assert work.states(batch) == {"succeeded": 1, "expired": 19}
    assert work.batch_state(batch) == "expired"
    assert outbox.take() == []


def test_it_is_written_down_who_expired_it(
    work: Work, dispatcher: Dispatcher, clock: Clock, store: Store
) -> None:
    batch = work.batch(2)
    pass_deadline(work, batch)
    look(dispatcher, clock)
    with store.read() as c:
        (noted,) = actions.of_batch(c, batch)
    assert (noted.who, noted.verb) == ("dispatcher", "expire")


@pytest.mark.usefixtures("small_pages")
def test_a_large_batch_expires_page_by_page_and_what_runs_of_it_first(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=5)
    batch = work.batch(20)
    dispatcher.step()
    work.claim(outbox.take())
    pass_deadline(work, batch)
    look(dispatcher, clock)

    assert work.batch_state(batch) == "expired"
    assert work.states(batch) == {"pending": 10, "expired": 10}
    for _ in range(3):
        dispatcher.step()
    assert work.states(batch) == {"expired": 20}


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("state", ["expired", "cancelled"])
def test_what_was_ended_half_way_is_ended_by_whoever_leads_next(
    work: Work, dispatcher: Dispatcher, clock: Clock, state: str
) -> None:
    batch = work.batch(9)
    work.sql("UPDATE batches SET state = :state", state=state)
    clock.now += UPKEEP_S
    for _ in range(3):
        dispatcher.step()
    assert work.states(batch) == {state: 9}


@pytest.mark.usefixtures("small_pages")
def test_a_batch_that_is_opened_again_half_way_runs_from_there(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock, store: Store
) -> None:
    work.host(slots=20)
    batch = work.batch(12)
    pass_deadline(work, batch)
    look(dispatcher, clock)
    assert 0 < work.states(batch)["pending"] < 12
    assert work.resume(batch).deadline is None

    look(dispatcher, clock)

    assert work.states(batch) == {"dispatched": 12}


def test_a_deadline_that_is_ahead_holds_for_what_is_opened_again(work: Work, store: Store) -> None:
    batch = work.batch(2)
    with store.write() as c:
        editing.change(c, batch, editing.Changes(deadline_in_s=3600))
    assert work.resume(batch).deadline is not None
    with store.write() as c:
        assert batches.reopen_ingest(c, batch).deadline is not None


def test_a_batch_that_is_done_when_its_deadline_passes_is_completed(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    batch = work.batch(3)
    dispatcher.step()
    work.run(outbox.take())
    pass_deadline(work, batch)
    look(dispatcher, clock)
    assert work.batch_state(batch) == "completed"


def test_a_paused_batch_expires_too(work: Work, dispatcher: Dispatcher, clock: Clock) -> None:
    batch = work.batch(3)
    work.sql("UPDATE batches SET paused_reason = 'The model is wrong.'")
    pass_deadline(work, batch)
    look(dispatcher, clock)
    assert (work.batch_state(batch), work.paused_reason(batch)) == ("expired", None)


def test_a_late_answer_to_what_has_expired_changes_nothing(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    batch = work.batch(1)
    dispatcher.step()
    held = work.claim(outbox.take())
    pass_deadline(work, batch)
    look(dispatcher, clock)
    assert work.finish(held) == set()
    assert work.states(batch) == {"expired": 1}


def test_a_batch_whose_deadline_is_near_goes_before_its_equals(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock, store: Store
) -> None:
    work.host(slots=4)
    other, late, higher = work.batch(20), work.batch(20), work.batch(1, priority=1)
    with store.write() as c:
        editing.change(c, late, editing.Changes(deadline_in_s=600))
    work.sql("UPDATE batches SET created_at = created_at - 86400 WHERE id = :id", id=late)
    look(dispatcher, clock)

    assert work.states(higher) == {"dispatched": 1}
    assert work.states(late) == {"dispatched": 4, "pending": 16}
    assert work.states(other) == {"pending": 20}
