"""The dispatcher on a thread of its own, beside a command that waits for its batch."""

import contextlib
import logging
import threading
import time

import psutil

from jobs import guards, loops
from jobs.broker import celery_app
from jobs.errors import BrokerError, StoreError
from jobs.folders import locks_in
from jobs.settings import Settings
from jobs.store.leadership import Leadership
from jobs.store.store import Store
from nightmill.deletion import forget_files
from nightmill.embedded.datadir import DataDir
from nightmill.notifying.herald import Herald
from producer.dispatcher import Dispatcher
from producer.publisher import Publisher
from producer.retention import Retention
from worker import presence

log = logging.getLogger(__name__)

#: Seconds between two looks at who leads, and at which workers of this machine are alive.
LOOK_EVERY_S = 1.0
#: Seconds in which the end of a batch, with which this process ends, is still told.
LAST_WORDS_S = 5.0


class DispatcherThread:
    """A running dispatcher; it goes on by itself when store or broker come back.

    Where another one leads the store it stands by, and takes over when that one is gone.
    """

    def __init__(self, settings: Settings, store: Store, broker_url: str) -> None:
        self._settings = settings
        self._store = store
        self._publisher = Publisher(celery_app(broker_url, tuple(settings.pools)))
        self._dispatcher = Dispatcher(
            store,
            self._publisher,
            retention=Retention(store, settings.store.prune_after, self._forget_files),
            min_free=settings.store.min_free,
        )
        self._herald = Herald(store, settings.notify, lambda: self._is_leading)
        self._leadership = Leadership(settings.store_url)
        self._looked_at = float("-inf")
        self._is_leading = False
        #: When it began to lead, in seconds since the epoch.
        self._led_since = 0.0
        #: The id of this machine's folder of locks, once it has been read.
        self._guard: str | None = None
        self._is_roll_failing = False
        self._stop = threading.Event()
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()
        self._herald.start()

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
            self._herald.stop(within_s=LAST_WORDS_S)
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
                self._led_since = time.time()
            self._call_the_roll()
        self._looked_at = time.monotonic()

    def _call_the_roll(self) -> None:
        # Who died before this process led may have gone down with all that led before.
        blame_since = max(psutil.boot_time(), self._led_since)
        data_dir = self._settings.data_dir
        try:
            if self._guard is None:
                self._guard = guards.guard_of(locks_in(data_dir))
            presence.take_back_from_the_dead(
                self._store,
                data_dir,
                self._guard,
                self._settings.worker.max_crashes,
                blame_since,
            )
        except OSError as error:
            # Handing out work does not depend on it: their leases run out.
            if not self._is_roll_failing:
                log.warning(
                    "Which workers of this machine are dead cannot be seen: %s",
                    error.strerror,
                    extra={"action": "roll_call_failed"},
                )
            self._is_roll_failing = True
        else:
            self._is_roll_failing = False

    def _forget_files(self, batch_id: str) -> None:
        forget_files(DataDir(self._settings.data_dir), batch_id)

    def _take_note(self, fault: Exception) -> None:
        self._fault = fault
