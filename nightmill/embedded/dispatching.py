"""The dispatcher on a thread of its own, beside a command that waits for its batch."""

import contextlib
import threading

from jobs import loops
from jobs.broker import celery_app
from jobs.errors import BrokerError, StoreError
from jobs.store.store import Store
from producer.dispatcher import Dispatcher
from producer.publisher import Publisher


class DispatcherThread:
    """A running dispatcher; it goes on by itself when store or broker come back."""

    def __init__(self, store: Store, broker_url: str, pools: tuple[str, ...]) -> None:
        self._publisher = Publisher(celery_app(broker_url, pools))
        self._dispatcher = Dispatcher(store, self._publisher)
        self._stop = threading.Event()
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

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
                self._dispatcher.close()
            self._publisher.close()

    def _step(self) -> float:
        try:
            delay = self._dispatcher.step()
        except (StoreError, BrokerError) as error:
            self._fault = error
            raise
        self._fault = None
        return delay

    def _take_note(self, fault: Exception) -> None:
        self._fault = fault
