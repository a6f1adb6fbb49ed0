"""The dispatcher with a real broker: what gets there, and what happens when it goes away."""

import threading

import pytest

from jobs.errors import BrokerError
from jobs.loops import run_steps
from jobs.store.store import Store
from producer.dispatcher import Dispatcher
from producer.publisher import Publisher
from tests.producer.dispatch.scene import CANARY, SESSION, Broker, Work
from tests.waiting import eventually


@pytest.fixture
def work(sqlite_store: Store) -> Work:
    return Work(sqlite_store)


@pytest.fixture
def dispatcher(sqlite_store: Store, publisher: Publisher) -> Dispatcher:
    return Dispatcher(sqlite_store, publisher)


def test_what_is_dispatched_can_be_claimed_by_its_message(
    work: Work, dispatcher: Dispatcher, broker: Broker
) -> None:
    work.host(slots=4)
    work.batch(20)

    dispatcher.step()

    assert len(work.claim(broker.take_all())) == 5


def test_no_prompt_reaches_the_broker(work: Work, dispatcher: Dispatcher, broker: Broker) -> None:
    work.host(slots=32)
    work.batch(20)

    dispatcher.step()

    assert len(broker.packs()) == 20
    assert CANARY.encode() not in broker.everything()
    assert SESSION.encode() not in broker.everything()


def test_a_broker_that_was_killed_in_mid_run_costs_nothing_but_time(
    work: Work, dispatcher: Dispatcher, broker: Broker
) -> None:
    work.host(slots=4)
    batch = work.batch(12)
    dispatcher.step()
    work.run(broker.take_all())
    broker.kill()
    with pytest.raises(BrokerError):
        dispatcher.step()

    broker.start()
    for _ in range(5):
        dispatcher.step()
        work.run(broker.take_all())

    assert work.states(batch) == {"succeeded": 12}


def test_a_running_dispatcher_finds_the_broker_again_by_itself(
    work: Work, dispatcher: Dispatcher, broker: Broker
) -> None:
    work.host(slots=4)
    batch = work.batch(40)
    stop = threading.Event()
    faults: list[Exception] = []
    thread = threading.Thread(
        target=run_steps, args=(dispatcher.step, stop, faults.append), kwargs={"name": "It"}
    )
    thread.start()
    try:
        eventually(broker.packs, "the first messages")
        broker.kill()
        broker.start()
        dispatcher.broker_restarted()

        def all_done() -> bool:
            work.run(broker.take_all())
            return work.batch_state(batch) == "completed"

        eventually(all_done, "the batch to complete")
    finally:
        stop.set()
        thread.join()
    assert faults == []
