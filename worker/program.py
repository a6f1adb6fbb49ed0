"""Celery's worker, started from our own program rather than by `celery worker`.

Its own program would set up logging, print a banner, restart itself on a hang-up, and end
without its threads at the second signal.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from celery import Celery, signals
from celery.app import trace
from celery.apps.worker import install_worker_term_handler
from celery.worker import WorkController, state

from worker.consumer import Consumer


class Program(WorkController):  # type: ignore[misc]  # Celery ships no types
    """Consumes one queue in threads, until a signal or `stop_soon`.

    `on_signal` is called for each signal to end, in the signal handler, and given what wakes
    Celery up; that must be called in another thread. `on_stop` is called when Celery begins to
    stop, for whatever reason.
    """

    def __init__(
        self,
        app: Celery,
        *,
        name: str,
        pool: str,
        slots: int,
        on_ready: Callable[[], None],
        on_signal: Callable[[Callable[[], None]], None],
        on_stop: Callable[[], None],
    ) -> None:
        self._on_ready = on_ready
        self._on_signal = on_signal
        self._on_stop = on_stop
        super().__init__(
            app=app,
            hostname=name,
            queues=[pool],
            pool="threads",
            consumer_cls=Consumer,
            concurrency=threads_for(slots),
            task_events=True,
            # Without these events Flower takes a host that is idle or thinks long for gone.
            without_heartbeat=False,
            heartbeat_interval=5,
            # Workers have nothing to tell each other.
            without_gossip=True,
            without_mingle=True,
        )

    def run(self) -> int:
        """Consume in the main thread; the exit status."""
        signals.worker_shutting_down.connect(self._note_signal, sender=self.hostname, weak=False)
        try:
            self.start()
        finally:
            signals.worker_shutting_down.disconnect(self._note_signal, sender=self.hostname)
        return self.exitcode or 0

    def on_before_init(self, **_: Any) -> None:
        """Make the app the one of this process, for Celery's shortcuts."""
        trace.setup_worker_optimizations(self.app, self.hostname)

    def on_start(self) -> None:
        """Let every signal to end be a warm shutdown: a cold one would abandon the threads."""
        super().on_start()
        hang_up = ("SIGHUP",) if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN else ()
        for name in ("SIGTERM", "SIGINT", "SIGQUIT", *hang_up):
            install_worker_term_handler(
                self, sig=name, how="Warm", callback=None, exitcode=0, verbose=False
            )

    def on_consumer_ready(self, _: Any) -> None:
        """Say that messages are being consumed."""
        self._on_ready()

    def on_close(self) -> None:
        """Drain before Celery waits for its threads, whatever stopped it."""
        self._on_stop()
        super().on_close()

    def _note_signal(self, **_: Any) -> None:
        self._on_signal(self._wake)

    def _wake(self) -> None:
        # A signal alone does not end its waiting for messages, which may take a second.
        self.hub.call_soon(_look_around)


#: A program that is asked to stop and does not within so many seconds is ended.
STUCK_S = 30.0


def stop_soon(status: int) -> None:
    """Let the program of this process end with an exit status; from any thread."""
    state.should_stop = status


def stop_soon_or_exit(status: int) -> None:
    """The same for one whose jobs have ended but that may be beyond asking: it gets `STUCK_S`."""
    stop_soon(status)
    last_resort = threading.Timer(STUCK_S, os._exit, [status])
    last_resort.daemon = True
    last_resort.start()


def _look_around() -> None:
    """Nothing to do but to have been woken."""


def threads_for(slots: int) -> int:
    """One thread a slot, and some more, so that a pack is at hand when a slot gets free."""
    return slots + max(2, slots // 4)
