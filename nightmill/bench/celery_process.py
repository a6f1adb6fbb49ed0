"""Celery alone, as a process of its own: a task that does nothing. Started by the queue bench.

It reads `expect N` from standard input, answers `ready`, and says `done` when N ids have come by.
"""

import argparse
import sys
import threading
from typing import Any

from celery import Celery
from celery.apps.worker import Worker
from kombu.entity import Queue

from nightmill.embedded.lifeline import end_with_parent

QUEUE = "bare"
TASK = "bare.noop"
NAME = "bare@bench"
#: Gets no messages: what is consumed until the bench says otherwise.
_WAITING = "bare-waiting"


def bare_app(broker_url: str) -> Celery:
    """As lean as Celery can be made: JSON, no results; and the same events as on our side."""
    app = Celery("bare", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_queues=[Queue(QUEUE), Queue(_WAITING)],
        worker_send_task_events=True,
        task_send_sent_event=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"global_keyprefix": "bare:"},
    )
    return app


class Counter:
    """Counts ids as they come by."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._missing = 0

    def expect(self, ids: int) -> None:
        """Begin to count down from here."""
        with self._lock:
            self._missing = ids

    def note(self, ids: int) -> None:
        """So many came by."""
        with self._lock:
            self._missing -= ids
            is_last = self._missing == 0
        if is_last:
            _say("done")


def main() -> None:
    """Work until the parent is gone."""
    args = _arguments()
    end_with_parent(args.lifeline_fd)
    app, counter = bare_app(args.broker_url), Counter()
    app.conf.update(
        worker_prefetch_multiplier=args.prefetch_multiplier, task_acks_late=args.acks_late
    )

    def noop(ids: list[Any]) -> None:
        counter.note(len(ids))

    app.task(noop, name=TASK, shared=False)
    threading.Thread(target=_listen, args=(counter,), daemon=True).start()
    _Program(
        app=app,
        hostname=NAME,
        queues=[_WAITING],
        pool="threads",
        concurrency=args.concurrency,
        task_events=True,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
    ).start()


class _Program(Worker):  # type: ignore[misc]  # Celery ships no types
    def setup_logging(self, colorize: bool | None = None) -> bool:  # noqa: ARG002  (Celery's)
        return True

    def on_consumer_ready(self, consumer: Any) -> None:
        super().on_consumer_ready(consumer)
        _say("ready")


def _listen(counter: Counter) -> None:
    for line in sys.stdin:
        counter.expect(int(line.removeprefix("expect ")))
        _say("ready")


def _say(word: str) -> None:
    print(word, flush=True)  # noqa: T201  (how it speaks to its parent)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker-url", required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    parser.add_argument("--prefetch-multiplier", type=int, required=True)
    parser.add_argument("--acks-late", action="store_true")
    parser.add_argument("--lifeline-fd", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
