"""A worker that hears nothing though there are messages ends, for its supervisor to start another.

Celery's consumers went silent after a reconnect in four release lines, alive by every other sign.
So nothing but this counts: slots are free, messages wait, the store answers, and none comes in.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from jobs.loops import run_steps

log = logging.getLogger(__name__)

#: Seconds after which a worker that should have heard something is taken for deaf.
DEAF_S = 120.0
LOOK_EVERY_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """How a host is."""

    #: Whether it could begin another job now.
    has_free_slots: bool
    #: Whether the store takes what is written.
    store_answers: bool
    #: Packs that have come in since it began.
    packs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Hearing:
    """Since when a host has heard nothing for no good reason; by a clock in seconds."""

    since: float
    looked_at: float
    packs: int = 0

    def looked(self, host: Condition, messages: int, now: float) -> Self:
        """What is known after another look; `messages` wait in the queue."""
        should_hear = host.has_free_slots and host.store_answers and messages > 0
        # Whoever stood still between two looks could not hear either.
        was_there = now - self.looked_at <= DEAF_S / 2
        if should_hear and was_there and host.packs == self.packs:
            return replace(self, looked_at=now)
        return replace(self, since=now, looked_at=now, packs=host.packs)

    def is_lost(self, now: float) -> bool:
        """Whether it has lasted too long."""
        return now - self.since >= DEAF_S


class Watchdog:
    """A thread that looks every now and then, and calls `on_deaf` once at most.

    `messages` counts what waits in the queue; it may raise `BrokerError`, and nobody hears
    anything from a broker that does not answer.
    """

    def __init__(
        self,
        condition: Callable[[], Condition],
        messages: Callable[[], int],
        on_deaf: Callable[[], None],
    ) -> None:
        self._condition = condition
        self._messages = messages
        self._on_deaf = on_deaf
        now = time.monotonic()
        self._hearing = Hearing(since=now, looked_at=now)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        # It may be asking a broker that does not answer, which nobody should wait for.
        self._thread.join(1.0)

    def _run(self) -> None:
        run_steps(self._step, self._stop, lambda _error: None, name="The watchdog")

    def _step(self) -> float:
        now = time.monotonic()
        try:
            messages = self._messages()
        except Exception:
            self._hearing = replace(self._hearing, since=now)
            raise
        self._hearing = self._hearing.looked(self._condition(), messages, now)
        if self._hearing.is_lost(now):
            log.critical(
                "Slots are free and %d messages wait, but none has come in for %.0f s: this worker"
                " lets its jobs end and then ends itself, so that another is started.",
                messages,
                now - self._hearing.since,
                extra={"action": "deaf"},
            )
            self._stop.set()
            self._on_deaf()
        return LOOK_EVERY_S
