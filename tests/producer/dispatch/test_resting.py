"""What the dispatcher does for pauses and rests."""

from typing import Any

from sqlalchemy import text

from jobs.store import dispatch, hosts, pauses, rests
from jobs.store.hosts import Rest
from producer.dispatcher import Dispatcher
from tests.producer.dispatch.scene import HOST, POOL, SESSION, Clock, Outbox, Work, look

NIGHTLY = Rest(because="hours", until=4e9)


def pause_pool(work: Work, for_s: float | None = None) -> None:
    with work.store.write() as c:
        rests.pause(c, POOL, "filming", for_s)


def look_after(dispatcher: Dispatcher, clock: Clock) -> None:
    """Let it do its upkeep."""
    look(dispatcher, clock)


def change(work: Work, sql: str) -> None:
    with work.store.write() as c:
        c.execute(text(sql))


def verbs(work: Work) -> list[tuple[Any, ...]]:
    with work.store.read() as c:
        return [tuple(row) for row in c.execute(text("SELECT who, verb FROM actions ORDER BY id"))]


def test_a_paused_pool_is_sent_nothing_until_it_is_resumed(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=2)
    batch = work.batch(lines=5)
    pause_pool(work)
    dispatcher.step()
    assert work.states(batch) == {"pending": 5}

    with work.store.write() as c:
        rests.go_on(c, POOL)
    dispatcher.step()

    assert work.states(batch) == {"pending": 2, "dispatched": 3}


def test_a_pause_whose_time_is_over_is_ended_and_noted(
    work: Work, dispatcher: Dispatcher, clock: Clock
) -> None:
    work.host(slots=2)
    batch = work.batch(lines=5)
    pause_pool(work, for_s=100)
    with work.store.write() as c:
        pauses.pause(c, batch, "not now", "anna@studio", for_s=200)
    look_after(dispatcher, clock)
    assert verbs(work) == []

    change(work, "UPDATE pools SET paused_until = paused_until - 100")
    look_after(dispatcher, clock)
    assert verbs(work) == [("dispatcher", "resume")]
    assert work.states(batch) == {"pending": 5}

    change(work, "UPDATE batches SET paused_until = paused_until - 200")
    look_after(dispatcher, clock)
    dispatcher.step()
    assert verbs(work) == [("dispatcher", "resume")] * 2
    assert work.states(batch) == {"pending": 2, "dispatched": 3}


def test_what_a_host_had_been_sent_is_taken_back_when_it_begins_to_rest(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=2)
    batch = work.batch(lines=5)
    dispatcher.step()
    assert work.states(batch) == {"pending": 2, "dispatched": 3}

    with work.store.write() as c:
        hosts.seen(c, HOST, SESSION, None, NIGHTLY)
    look_after(dispatcher, clock)
    assert work.states(batch) == {"pending": 5}

    with work.store.write() as c:
        hosts.seen(c, HOST, SESSION)
    dispatcher.step()
    assert work.states(batch) == {"pending": 2, "dispatched": 3}


def test_what_the_brake_does_is_noted(work: Work, dispatcher: Dispatcher, clock: Clock) -> None:
    batch = work.batch(lines=150)
    look_after(dispatcher, clock)
    with work.store.write() as c:
        hints = dispatch.dispatch(c, POOL, 120)
    work.fail(hints)

    look_after(dispatcher, clock)

    assert work.paused_reason(batch) is not None
    assert verbs(work) == [("brake", "pause")]
