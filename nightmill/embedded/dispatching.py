"""The dispatcher on a thread of its own, beside a command that waits for its batch."""

import contextlib
import threading
import time

import psutil

from jobs import loops
from jobs.broker import celery_app
from jobs.errors import BrokerError, StoreError
from jobs.settings import Settings
from jobs.store.leadership import Leadership
from jobs.store.store import Store
from nightmill.embedded.datadir import DataDir
from producer.dispatcher import Dispatcher
from producer.publisher import Publisher
from worker import presence

#: Seconds between two looks at who leads, and at which workers of this machine are alive.
LOOK_EVERY_S = 1.0


class DispatcherThread:
    """A running dispatcher; it goes on by itself when store or broker come back.

    Where another one leads the store it stands by, and takes over when that one is gone.
    """

    def __init__(self, settings: Settings, store: Store, broker_url: str) -> None:
        self._settings = settings
        self._store = store
        self._publisher = Publisher(celery_app(broker_url, tuple(settings.pools)))
        self._dispatcher = Dispatcher(store, self._publisher)
        self._leadership = Leadership(settings.store_url)
        self._looked_at = float("-inf")
        self._is_leading = False
        self._stop = threading.Event()
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    @property
    def is_leading(self) -> bool:
        """Whether it hands out work; else it stands by."""
        return self._is_leading

    def check(self) -> None:
        """Raise what ended the dispatcher, or what store or broker fail with while it tries on."""
        if self._fault is not None:
            raise self._fault

    def broker_restarted(self) -> None:
        """Send again what the broker forgot."""
        self._dispatcher.broker_restarted()

    def stop(self) -> None:
        """Let the present step end, then no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            loops.run_steps(self._step, self._stop, self._take_note, name="The dispatcher")
        finally:
            # Charts may lack their last seconds where the store does not answer any more.
            with contextlib.suppress(StoreError):
                if self._is_leading:
                    self._dispatcher.close()
            self._leadership.release()
            self._publisher.close()

    def _step(self) -> float:
        try:
            if time.monotonic() >= self._looked_at + LOOK_EVERY_S:
                self._look()
            delay = self._dispatcher.step() if self._is_leading else LOOK_EVERY_S
        except (StoreError, BrokerError) as error:
            self._fault = error
            raise
        self._fault = None
        return delay

    def _look(self) -> None:
        was_leading, self._is_leading = self._is_leading, False
        self._is_leading = self._leadership.is_held()
        if self._is_leading:
            if not was_leading:
                # What somebody else sent meanwhile, or meant to send, is not known.
                self._dispatcher.broker_restarted()
            presence.take_back_from_the_dead(
                self._store,
                DataDir(self._settings.data_dir).locks,
                self._settings.worker.max_crashes,
                psutil.boot_time(),
            )
        self._looked_at = time.monotonic()

    def _take_note(self, fault: Exception) -> None:
        self._fault = fault
