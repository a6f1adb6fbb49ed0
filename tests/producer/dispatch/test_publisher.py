from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.broker import celery_app
from jobs.errors import BrokerError
from jobs.model import Hint
from jobs.wire import TASK
from nightmill.embedded.servers import Kind, best_kind
from producer.publisher import Publisher, describe
from tests.producer.dispatch.scene import POOL, Broker

PACKS = [[Hint("j-1", 1), Hint("j-2", 4)], [Hint("j-3", 1)]]


@pytest.fixture(params=["real", "fakeredis"])
def any_broker(request: pytest.FixtureRequest, short_folder: Path) -> Iterator[Broker]:
    kind: Kind = best_kind() if request.param == "real" else "fakeredis"
    broker = Broker(short_folder, kind)
    broker.start()
    yield broker
    broker.close()


def test_packs_arrive_in_order_and_whole(any_broker: Broker) -> None:
    publisher = Publisher(celery_app(any_broker.url, (POOL,)))

    publisher.publish(POOL, PACKS)
    publisher.close()

    assert [list(pack) for pack in any_broker.packs()] == PACKS


def test_a_message_names_the_task_and_shows_ids_only(publisher: Publisher, broker: Broker) -> None:
    publisher.publish(POOL, PACKS[:1])

    [message] = broker.messages()
    headers = message["headers"]
    assert headers["task"] == TASK
    assert headers["ignore_result"] is True
    assert headers["argsrepr"] == "j-1 and 1 more"
    assert message["content-type"] == "application/json"


def test_a_pool_that_was_not_configured_here_gets_its_messages(
    publisher: Publisher, broker: Broker
) -> None:
    publisher.publish("elsewhere", PACKS)

    assert len(broker.packs("elsewhere")) == 2


def test_no_packs_need_no_broker(publisher: Publisher, broker: Broker) -> None:
    broker.kill()

    publisher.publish(POOL, [])


def test_a_broker_that_is_not_there_is_an_error_and_no_endless_wait(short_folder: Path) -> None:
    publisher = Publisher(celery_app(f"redis+socket://{short_folder}/none.sock", (POOL,)))

    with pytest.raises(BrokerError, match="does not answer"):
        publisher.publish(POOL, PACKS)


def test_after_a_restart_of_the_broker_messages_arrive_again(
    publisher: Publisher, broker: Broker
) -> None:
    publisher.publish(POOL, PACKS)
    broker.kill()
    with pytest.raises(BrokerError):
        publisher.publish(POOL, PACKS)

    broker.start()
    publisher.publish(POOL, PACKS[:1])

    assert [list(pack) for pack in broker.packs()] == PACKS[:1]


def test_the_password_of_the_broker_is_not_shown(short_folder: Path) -> None:
    publisher = Publisher(celery_app("redis://user:secret@127.0.0.1:1/0", (POOL,)))

    with pytest.raises(BrokerError) as caught:
        publisher.publish(POOL, PACKS)

    assert "secret" not in str(caught.value)


def test_a_pack_of_one_is_shown_by_its_job() -> None:
    assert describe([Hint("j-1", 1)]) == "j-1"
