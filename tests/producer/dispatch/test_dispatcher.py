"""What the dispatcher hands out, and what it takes back, on both databases."""

import pytest

from jobs.errors import BrokerError
from jobs.model import Hint
from jobs.store.store import Store
from producer.dispatcher import MOST_AT_ONCE, UPKEEP_S, Dispatcher
from tests.producer.dispatch.scene import POOL, Clock, Outbox, Work, look


def test_the_first_window_is_the_slots_and_one_job_each_in_its_own_message(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=4)
    batch = work.batch(20)

    dispatcher.step()

    assert [len(pack) for _, pack in outbox.sent] == [1] * 5
    assert work.states(batch) == {"pending": 15, "dispatched": 5}


def test_a_full_window_gets_nothing_more(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=4)
    work.batch(20)
    dispatcher.step()
    work.claim(outbox.take())

    dispatcher.step()

    assert outbox.sent == []


def test_the_window_is_never_exceeded_however_fast_jobs_end(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    batch = work.batch(120)
    waiting: list[Hint] = []
    most = 0

    for _ in range(30):
        dispatcher.step()
        waiting += outbox.take()
        most = max(most, len(waiting))
        work.run(waiting[:3])
        del waiting[:3]
        clock.now += 1.0  # 3 jobs a second: a window of 4 + 6

    assert 10 <= most <= 11  # rounded up
    assert work.states(batch)["succeeded"] == 90


def test_short_jobs_share_messages_once_their_speed_is_known(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    work.batch(120)
    dispatcher.step()
    work.run(outbox.take())
    clock.now += 0.05  # 5 jobs in 0.05 s

    dispatcher.step()

    assert [len(pack) for _, pack in outbox.sent] == [16] * 7 + [3]


def test_all_jobs_end_up_done_and_the_batch_completed(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    batch = work.batch(60)

    for _ in range(6):
        dispatcher.step()
        work.run(outbox.take())
        clock.now += 0.1

    assert work.states(batch) == {"succeeded": 60}
    assert work.batch_state(batch) == "completed"


def test_a_pool_without_a_living_host_gets_nothing(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=4)
    work.sql("UPDATE hosts SET seen_at = seen_at - 3600")
    work.batch(5)

    dispatcher.step()

    assert outbox.sent == []


def test_each_pool_gets_its_own_jobs_and_its_own_window(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=2)
    work.host(slots=1, pool="other", name="host-2")
    work.batch(10)
    work.batch(10, pool="other")

    dispatcher.step()

    assert sorted(pool for pool, _ in outbox.sent) == [POOL] * 3 + ["other"] * 2


def test_the_batch_of_higher_priority_goes_first(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=2)
    low = work.batch(10)
    high = work.batch(10, priority=5)

    dispatcher.step()

    assert work.states(high) == {"pending": 7, "dispatched": 3}
    assert work.states(low) == {"pending": 10}


def test_two_batches_both_come_to_their_end(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=8)
    first, second = work.batch(20), work.batch(20)

    for _ in range(8):
        dispatcher.step()
        work.run(outbox.take())
        clock.now += 0.1

    assert work.batch_state(first) == work.batch_state(second) == "completed"


def test_a_job_is_not_handed_out_before_its_time(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=8)
    batch = work.batch(3)
    work.sql("UPDATE jobs SET not_before = 1e12 WHERE line = 2")

    dispatcher.step()

    assert work.states(batch) == {"pending": 1, "dispatched": 2}


def test_a_job_whose_message_was_lost_is_handed_out_again(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=8)
    work.batch(3)
    dispatcher.step()
    *claimed, lost = outbox.take()
    work.run(claimed)
    work.age_dispatched(10)
    look(dispatcher, clock)

    [again] = outbox.take()
    assert (again.job_id, again.epoch) == (lost.job_id, lost.epoch + 1)


def test_a_message_is_not_taken_for_lost_at_once(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=8)
    work.batch(3)
    dispatcher.step()
    outbox.take()
    work.age_dispatched(3)
    look(dispatcher, clock)

    assert outbox.sent == []


def test_messages_that_wait_behind_a_busy_pool_are_left_alone(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=2)
    work.batch(3)
    dispatcher.step()
    work.claim(outbox.take()[:2])
    work.age_dispatched(600)
    look(dispatcher, clock)

    assert outbox.sent == []


def test_messages_are_waited_for_longer_where_claims_take_long(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=8)
    work.batch(3)
    dispatcher.step()
    hints = outbox.take()
    work.age_dispatched(10)
    work.claim(hints[:2])  # ten seconds after they were dispatched
    work.age_dispatched(10)
    look(dispatcher, clock)

    assert outbox.sent == []


def test_while_the_broker_is_down_nothing_is_lost_and_no_upkeep_missed(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=8)
    batch = work.batch(20)
    done = work.batch(1)
    work.sql("UPDATE jobs SET state = 'succeeded' WHERE batch_id = :id", id=done)
    outbox.is_down = True
    for _ in range(3):
        clock.now += UPKEEP_S
        with pytest.raises(BrokerError):
            dispatcher.step()

    outbox.is_down = False
    dispatcher.step()

    assert work.batch_state(done) == "completed"
    assert len(outbox.take()) == 9
    assert work.states(batch) == {"pending": 11, "dispatched": 9}


def test_after_a_restart_of_the_broker_what_was_dispatched_is_sent_again_at_once(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=4)
    work.batch(20)
    dispatcher.step()
    before = outbox.take()
    work.claim(before[:2])

    dispatcher.broker_restarted()
    dispatcher.step()

    again = outbox.take()
    assert [hint.job_id for hint in again] == [hint.job_id for hint in before[2:]]
    assert work.claim(before[2:]) == []
    assert len(work.claim(again)) == 3


def test_a_new_leader_trusts_no_message_of_the_one_before(
    work: Work, store: Store, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=4)
    work.batch(20)
    dispatcher.step()
    before = outbox.take()

    Dispatcher(store, outbox).step()  # type: ignore[arg-type]

    assert [hint.job_id for hint in outbox.take()] == [hint.job_id for hint in before]


def test_a_batch_has_rates_while_it_runs_and_none_after(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    batch = work.batch(12)
    dispatcher.step()
    # Of the first ones nobody knows how long they waited for their model.
    for rates in ((0, 0), (2.0, 6.0)):
        work.run(outbox.take()[:4])
        clock.now += 2.0
        dispatcher.step()
        assert work.ask("SELECT jobs_per_s, tokens_per_s FROM batches") == [rates]

    work.run(outbox.take())
    work.sql("UPDATE jobs SET state = 'pending' WHERE state = 'dispatched'")
    dispatcher.step()
    work.run(outbox.take())
    dispatcher.step()

    assert work.batch_state(batch) == "completed"
    assert work.ask("SELECT jobs_per_s, tokens_per_s FROM batches") == [(0.0, 0.0)]


def test_a_batch_that_others_do_has_no_rate_until_they_have_shown_one(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    work.batch(20)
    dispatcher.step()
    for _ in range(2):
        work.run(outbox.take()[:4])
        clock.now += 2.0
        dispatcher.step()
    assert work.ask("SELECT jobs_per_s FROM batches") == [(2.0,)]

    work.sql("UPDATE batches SET model = 'larger'")
    clock.now += UPKEEP_S
    dispatcher.step()

    assert work.ask("SELECT jobs_per_s FROM batches") == [(0.0,)]


def test_counters_are_folded_while_a_batch_runs(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    batch = work.batch(30)
    for _ in range(5):
        dispatcher.step()
        work.run(outbox.take())
    look(dispatcher, clock)

    # One row, and what was dispatched after the folding.
    assert work.ask("SELECT count(*) FROM counters")[0][0] <= 2
    assert sum(work.states(batch).values()) == 30


def test_there_is_no_pause_while_there_is_more_than_one_step_of_work(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=MOST_AT_ONCE + 1)
    work.batch(MOST_AT_ONCE + 1)

    assert dispatcher.step() == 0.0
    assert 0 < dispatcher.step() <= 0.1
    assert len(outbox.take()) == MOST_AT_ONCE + 1


def test_an_idle_dispatcher_rests_longer_than_a_working_one(
    work: Work, dispatcher: Dispatcher
) -> None:
    work.host(slots=4)
    idle = dispatcher.step()
    work.batch(1)

    assert dispatcher.step() < idle <= 0.1
