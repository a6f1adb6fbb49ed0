"""What Flower gets to see: pool, model and token counts, and never a prompt or an answer."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from jobs.broker import celery_app
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import Process
from tests.worker.test_process import publish, states
from tests.worker.world import POOL, hand_out, submit

Event = dict[str, Any]

PROMPT = "canary-prompt"
ANSWER = "canary-answer"


@pytest.fixture
def heard(broker_url: str) -> Iterator[Callable[[], list[Event]]]:
    """Everything that was sent to whoever watches, up to now."""
    app = celery_app(broker_url, (POOL,))
    events: list[Event] = []
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": events.append})
        with receiver.consumer_context() as (listening, _, _):

            def listen() -> list[Event]:
                with suppress(TimeoutError):
                    while True:
                        listening.drain_events(timeout=0.05)
                return events

            # The subscription goes out with the first look.
            listen()
            yield listen


def test_events_tell_pool_model_and_tokens_and_no_text(
    sqlite_store: Store,
    broker_url: str,
    start_worker: Callable[..., Process],
    heard: Callable[[], list[Event]],
) -> None:
    submit(sqlite_store, [PROMPT] * 3)
    worker = start_worker(answers={PROMPT: f"{ANSWER} of four words"})
    eventually(worker.is_ready, "the worker", 60)
    hints = hand_out(sqlite_store)
    publish(broker_url, hints)
    eventually(lambda: states(sqlite_store) == ["succeeded"] * 3, "the answers", 60)
    eventually(lambda: "task-succeeded" in {e["type"] for e in heard()}, "the event", 10)
    worker.signal(signal.SIGTERM)
    worker.status()

    events = {event["type"]: event for event in heard()}
    assert {"worker-online", "task-received", "task-started", "worker-offline"} <= set(events)
    result = events["task-succeeded"]["result"]
    for part in ("'pool': 'fake'", "'model': 'fake'", "'jobs': 3", "'output_tokens': 12"):
        assert part in result
    assert events["task-succeeded"]["runtime"] > 0
    assert events["task-succeeded"]["hostname"] == "fake@here"
    assert hints[0].job_id in events["task-received"]["args"]
    assert "canary" not in json.dumps(heard(), default=str)
    assert "canary" not in worker.log
