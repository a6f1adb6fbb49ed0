"""Leases that ran out are judged by somebody who was there all the time, and by nobody else."""

import math

import pytest

from jobs.errors import StoreError
from jobs.model import Hint
from jobs.store import running
from producer.attention import CYCLE_S
from producer.dispatcher import UPKEEP_S, Dispatcher
from tests.producer.dispatch.scene import SESSION, Clock, Outbox, Work, look
from tests.worker.flaky import FlakyStore


def test_an_expired_lease_puts_a_job_back(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=8)
    work.batch(1)
    dispatcher.step()
    work.claim(outbox.take())
    attend(dispatcher, clock)
    work.sql("UPDATE jobs SET lease_until = lease_until - 3600")
    look(dispatcher, clock)

    assert [hint.epoch for hint in outbox.take()] == [2]


def test_a_dispatcher_that_has_just_begun_or_slept_gives_others_a_moment_to_be_heard_of(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=8)
    work.batch(1)
    dispatcher.step()
    claimed = work.claim(outbox.take())
    work.sql("UPDATE jobs SET lease_until = lease_until - 3600")

    for rest_s in (UPKEEP_S, 8 * 3600):
        clock.now += rest_s
        dispatcher.step()
        assert outbox.take() == []

    # Its holder slept too, and is heard of now.
    with work.store.write() as c:
        running.heartbeat(c, SESSION, [Hint(job.job_id, job.epoch) for job in claimed], 60)
    attend(dispatcher, clock)
    assert outbox.take() == []
    assert work.finish(claimed) == {claimed[0].job_id}


def test_a_dispatcher_that_could_not_reach_the_store_judges_nobody_by_that_time(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=8)
    work.batch(1)
    dispatcher.step()
    work.claim(outbox.take())
    attend(dispatcher, clock)
    flaky = FlakyStore(work.store)
    dispatcher._store = flaky
    flaky.refusals = math.inf
    for _ in range(20):
        clock.now += UPKEEP_S
        with pytest.raises(StoreError):
            dispatcher.step()

    flaky.refusals = 0
    work.sql("UPDATE jobs SET lease_until = lease_until - 3600")
    look(dispatcher, clock)

    assert outbox.take() == []
    attend(dispatcher, clock)
    assert [hint.epoch for hint in outbox.take()] == [2]


def attend(dispatcher: Dispatcher, clock: Clock) -> None:
    """Let the dispatcher look as often as it does, until it may judge who is late."""
    end = clock.now + CYCLE_S
    while clock.now < end:
        clock.now += UPKEEP_S
        dispatcher.step()
