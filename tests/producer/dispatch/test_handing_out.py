"""In which order the dispatcher hands out what waits, and what it takes back for that."""

from jobs.model import Hint
from producer.dispatcher import Dispatcher
from producer.recalls import EVERY_S
from tests.producer.dispatch.scene import Clock, Outbox, Work


def test_a_small_batch_does_not_wait_behind_what_a_large_one_has_ahead(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    large = work.batch(400)
    clock.now += 0.1
    for _ in range(4):
        dispatcher.step()
        work.run(outbox.take()[:4])
        clock.now += 0.2
    dispatcher.step()
    stale = outbox.take()
    work.claim(stale[:4])
    ahead = work.states(large)["dispatched"]
    small = work.batch(10)

    dispatcher.step()

    again = outbox.take()
    assert len(again) >= ahead
    assert work.claim(stale[4:]) == []
    assert {job.batch_id for job in work.claim(again[:4])} == {small}
    assert {job.batch_id for job in work.claim(again[4:20])} == {small, large}


def test_what_runs_is_never_recalled(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    low = work.batch(20)
    dispatcher.step()
    held = work.claim(outbox.take()[:4])
    work.batch(20, priority=1)
    clock.now += 1.0

    dispatcher.step()

    assert work.states(low) == {"running": 4, "pending": 16}
    assert len(work.finish(held)) == 4


def test_a_batch_that_gets_another_priority_is_served_in_its_order_at_once(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    first, second = work.batch(20), work.batch(20, priority=-1)
    dispatcher.step()
    outbox.take()
    work.sql("UPDATE batches SET priority = 5 WHERE id = :id", id=second)

    dispatcher.step()

    assert work.states(first) == {"pending": 20}
    assert work.states(second) == {"dispatched": 5, "pending": 15}


def test_jobs_are_recalled_a_few_times_a_second_at_most(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    work.batch(20)
    dispatcher.step()
    work.batch(20, priority=1)
    dispatcher.step()
    third = work.batch(20, priority=2)
    clock.now += EVERY_S / 2
    outbox.take()
    dispatcher.step()
    assert (outbox.take(), work.states(third)) == ([], {"pending": 20})

    clock.now += EVERY_S
    dispatcher.step()

    assert work.states(third) == {"dispatched": 5, "pending": 15}


def test_nothing_is_recalled_where_it_would_come_to_the_same(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    for _ in range(3):
        work.batch(50)
    waiting: list[Hint] = []
    for _ in range(20):
        dispatcher.step()
        waiting += outbox.take()
        work.run(waiting[:3])
        del waiting[:3]
        clock.now += 0.5
    assert work.ask("SELECT max(epoch) FROM jobs") == [(1,)]
    assert work.ask("SELECT count(*) FROM jobs WHERE state = 'succeeded'") == [(60,)]


def test_a_lower_limit_takes_back_what_is_beyond_it(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=8)
    batch = work.batch(20)
    dispatcher.step()
    work.claim(outbox.take()[:2])
    work.sql("UPDATE batches SET max_running = 3")

    dispatcher.step()

    assert work.states(batch) == {"running": 2, "dispatched": 1, "pending": 17}


def test_a_limit_holds_over_all_pools(work: Work, dispatcher: Dispatcher, outbox: Outbox) -> None:
    work.host(slots=4)
    work.host(slots=4, pool="other", name="host-2")
    batch = work.batch(10)
    work.sql("UPDATE jobs SET pool = 'other' WHERE line > 5")
    work.sql("UPDATE batches SET max_running = 3")

    dispatcher.step()

    assert len(outbox.take()) == 3
    assert work.states(batch) == {"dispatched": 3, "pending": 7}


def test_of_many_small_batches_each_gets_its_turn(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=1)
    ids = [work.batch(5) for _ in range(4)]
    waiting: list[Hint] = []
    for _ in range(4):
        dispatcher.step()
        waiting += outbox.take()
        work.run([waiting.pop(0)])
        clock.now += 1.0
    assert all(work.states(batch).get("succeeded") for batch in ids)
