"""The dispatcher keeps what the charts show."""

from jobs.model import Hint
from jobs.store import dispatch
from jobs.store.samples import EVERY_S
from producer.dispatcher import Dispatcher
from tests.producer.dispatch.scene import POOL, Clock, Outbox, Work


def samples(work: Work) -> list[tuple[int, int, int, int]]:
    return work.ask("SELECT jobs, output_tokens, running, queued FROM samples ORDER BY at")


def test_every_few_seconds_there_is_a_sample_of_each_living_pool(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    work.batch(20)
    dispatcher.step()
    first, *others = work.claim(outbox.take())
    work.finish([first])

    for _ in range(4):
        clock.now += EVERY_S / 4
        dispatcher.step()

    assert samples(work) == [(1, 3, len(others), 20 - 1 - len(others))]
    assert work.ask("SELECT pool FROM samples") == [(POOL,)]


def test_what_was_done_while_nobody_dispatched_is_not_taken_for_a_burst(
    work: Work, dispatcher: Dispatcher, outbox: Outbox, clock: Clock
) -> None:
    work.host(slots=4)
    work.batch(20)
    work.run(_handed_out_by_hand(work))
    dispatcher.step()
    clock.now += EVERY_S
    dispatcher.step()
    assert [jobs for jobs, *_ in samples(work)] == [0]


def test_the_last_seconds_are_sampled_at_the_end(
    work: Work, dispatcher: Dispatcher, outbox: Outbox
) -> None:
    work.host(slots=4)
    work.batch(3)
    dispatcher.step()
    work.run(outbox.take())
    dispatcher.close()
    assert samples(work) == [(3, 9, 0, 0)]


def test_a_pool_without_a_host_is_sampled_while_it_is_waited_for(
    work: Work, dispatcher: Dispatcher, clock: Clock
) -> None:
    work.batch(7)
    dispatcher.step()
    clock.now += EVERY_S
    dispatcher.step()
    assert samples(work) == [(0, 0, 0, 7)]


def _handed_out_by_hand(work: Work) -> list[Hint]:
    with work.store.write() as c:
        return dispatch.dispatch(c, POOL, 3)
