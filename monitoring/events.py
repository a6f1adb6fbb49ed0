"""Flower's ear for task events, for a broker that comes and goes with `nightmill run`."""

import logging
import threading
from typing import Any

from celery import Celery
from celery.events import EventReceiver
from flower.events import Events
from tornado.ioloop import IOLoop

logger = logging.getLogger(__name__)

#: Seconds between two tries; Flower's own doubles them for as long as it runs.
RETRY_S = 2.0
#: Tasks that are remembered: what Flower keeps of each is about a kilobyte.
MAX_TASKS = 10_000
MAX_WORKERS = 500

#: How long an end may wait for the one second that the ear needs to look up.
_END_S = 3.0


class TaskEvents(Events):  # type: ignore[misc]  # Flower ships no types
    """Listens until it is stopped, also while there is nothing to listen to.

    Nothing is kept on disk (Flower would write a pickle), and workers are not asked to send
    events: ours do so anyway.
    """

    def __init__(self, app: Celery, loop: IOLoop) -> None:
        super().__init__(
            app,
            loop,
            persistent=False,
            enable_events=False,
            max_tasks_in_memory=MAX_TASKS,
            max_workers_in_memory=MAX_WORKERS,
        )
        self._ending = threading.Event()
        self._receiver: EventReceiver | None = None
        self._told = False

    def run(self) -> None:
        """The thread's work."""
        while not self._ending.is_set():
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001  (whatever it is, the broker may come back)
                self._tell(error)
            self._ending.wait(RETRY_S)

    def stop(self) -> None:
        """End the thread."""
        self._ending.set()
        if self._receiver is not None:
            self._receiver.should_stop = True
        if self.is_alive():
            self.join(_END_S)

    def _listen(self) -> None:
        with self.capp.connection() as connection:
            receiver = EventReceiver(connection, handlers={"*": self.on_event}, app=self.capp)
            self._receiver = receiver
            receiver.should_stop = self._ending.is_set()
            self._told = False
            receiver.capture(limit=None, timeout=None, wakeup=True)

    def on_event(self, event: Any) -> None:
        """Take an event in; one that comes as everything ends is not worth an error."""
        if not self._ending.is_set():
            super().on_event(event)

    def _tell(self, error: Exception) -> None:
        if not self._told and not self._ending.is_set():
            self._told = True
            # Its text is left out: it may hold the broker's password.
            logger.warning(
                "The broker does not answer (%s). Flower's own pages wait for it; ours do not"
                " need it.",
                type(error).__name__,
                extra={"action": "events_wait"},
            )
