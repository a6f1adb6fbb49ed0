"""Messages that are no packs: acknowledged, named in the log, and no obstacle to the next one."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
import redis
from kombu.messaging import Producer

from jobs import wire
from jobs.broker import celery_app
from jobs.model import Hint
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import Process
from tests.worker.test_process import publish, states
from tests.worker.world import POOL, hand_out, submit
from worker import task
from worker.tally import Tally


def publish_rubbish(broker_url: str) -> None:
    """Everything that is no pack, or not even a task."""
    app = celery_app(broker_url, (POOL,))
    rubbish: list[tuple[Any, dict[str, Any]]] = [
        ([], {}),
        (["j-1"], {}),
        ([[["j-1", "one"]]], {}),
        ([[["j-1", 1]] * (wire.MAX_PACK + 1)], {}),
        ([[["j-1", 1]], 2], {}),
        ([], {"pack": [["j-1", 1]]}),
        ([[["j-\0", 2**70]]], {}),
    ]
    with app.connection_for_write() as connection:
        for args, kwargs in rubbish:
            app.send_task(wire.TASK, args, kwargs, queue=POOL, connection=connection)
        app.send_task("nightmill.unknown", [], queue=POOL, connection=connection)
        producer = Producer(connection, routing_key=POOL)
        producer.publish("no task at all")
        producer.publish(
            b"{", content_type="application/json", headers={"task": wire.TASK, "id": "1"}
        )
        producer.publish([[["j-1", 1]], {}, {}], headers={"task": wire.TASK})
        producer.publish([[["j-1", 1]]], headers={"task": wire.TASK, "id": "2"})
        producer.publish({"task": wire.TASK})
        producer.publish(b"\x80", content_type="application/x-python-serialize")


def test_rubbish_in_the_queue_stops_nothing_and_does_not_come_again(
    sqlite_store: Store,
    broker_url: str,
    start_worker: Callable[..., Process],
) -> None:
    submit(sqlite_store, ["good"])
    worker = start_worker()
    eventually(worker.is_ready, "the worker", 60)
    publish_rubbish(broker_url)

    publish(broker_url, hand_out(sqlite_store))

    eventually(lambda: states(sqlite_store) == ["succeeded"], "the good one", 60)
    with redis.Redis(unix_socket_path=broker_url.removeprefix("redis+socket://")) as client:
        unacked = f"{wire.KEY_PREFIX}unacked"
        eventually(lambda: client.hlen(unacked) == 0, "all to be acknowledged", 10)
    worker.is_ready()


@pytest.mark.parametrize("args", [(), ("x",), ([],), ([["j-1"]],)])
def test_what_is_no_pack_is_reported_as_no_jobs(args: tuple[object, ...]) -> None:
    app = celery_app("memory://", (POOL,))

    def refuse(*_: object) -> Any:
        raise AssertionError("nothing to run")

    task.register(app, POOL, refuse)

    assert app.tasks[wire.TASK].run(*args)["jobs"] == 0


def test_a_pack_that_takes_too_long_goes_on_without_its_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task, "LONGEST_WAIT_S", 0.01)
    endless: Future[None] = Future()

    task.carry([Hint("j-1", 1)], Tally(POOL, 1), lambda *_: endless)

    assert not endless.cancelled()
