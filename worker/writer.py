"""The one writer of the process: it carries claims, records and heartbeats to the store.

It commits together whatever was asked for while the commit before was under way, so that many
jobs share one sync of the disk. While the store does not answer it keeps everything and tries
again.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TypeVar

from jobs.errors import StoreError
from jobs.model import Claimed, Hint, Outcome
from jobs.store.hosts import Trouble
from jobs.store.running import Beat
from worker.bisect import write_all
from worker.commit import Commits
from worker.frames import frames_of
from worker.orders import Claim, Heartbeat, Order, Record, answer, refuse, work_of
from worker.work import Work, Written

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0

_Answer = TypeVar("_Answer")


class Writer:
    """A thread with a queue. All methods but `stop` are called on the event loop.

    `on_death` is called in the thread should it end for any other reason than `stop`.
    """

    def __init__(
        self,
        commits: Commits,
        loop: asyncio.AbstractEventLoop,
        on_death: Callable[[], None],
    ) -> None:
        self._commits = commits
        self._loop = loop
        self._on_death = on_death
        self._queue: SimpleQueue[Order | None] = SimpleQueue()
        self._underway: list[Order] = []
        self._is_failing = False
        self._give_up_at: float | None = None
        self._death: StoreError | None = None
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def claim(self, hints: Sequence[Hint]) -> asyncio.Future[list[Claimed]]:
        """The jobs of `hints` that this session holds from now on and did not before."""
        done: asyncio.Future[list[Claimed]] = self._loop.create_future()
        return self._ask(Claim(hints, done), done)

    def record(self, outcome: Outcome) -> asyncio.Future[bool]:
        """Whether `outcome` counted; known once it is on the disk."""
        done: asyncio.Future[bool] = self._loop.create_future()
        return self._ask(Record(outcome, done), done)

    def beat(self, trouble: Trouble | None) -> asyncio.Future[Beat]:
        """Extend the lease of everything held and tell of `trouble`; what was lost meanwhile."""
        done: asyncio.Future[Beat] = self._loop.create_future()
        return self._ask(Heartbeat(trouble, done), done)

    def stop(self, within_s: float) -> None:
        """Write what is still asked for, then end the thread.

        Raises:
            StoreError: the store did not take it all within `within_s` seconds, or the thread
                had died before. Jobs that were not recorded come back when their leases end.
        """
        self._give_up_at = time.monotonic() + within_s
        self._queue.put(None)
        # A lock of the operating system may block without end; nothing is lost by leaving it.
        self._thread.join(within_s + LONGEST_PAUSE_S)
        if self._thread.is_alive():
            raise StoreError("The store took no records for too long: something holds its lock.")
        if self._death is not None:
            raise self._death

    def _ask(self, order: Order, done: asyncio.Future[_Answer]) -> asyncio.Future[_Answer]:
        if self._death is None:
            self._queue.put(order)
        else:
            refuse([order], self._death)
        return done

    def _run(self) -> None:
        try:
            while self._write_next():
                pass
        except StoreError as error:
            self._die(error)
        except Exception as error:  # noqa: BLE001  (told to all who wait)
            # Only the frames: the text of an exception may quote an answer.
            log.critical("The writer died.\n%s", frames_of(error), extra={"action": "writer_died"})
            self._die(StoreError(f"The writer died of an unexpected {type(error).__name__}."))

    def _write_next(self) -> bool:
        """Write one group; False when it was the last one."""
        group = [self._queue.get()]
        group += [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        self._underway = [order for order in group if order is not None]
        if self._underway:
            written = write_all(work_of(self._underway), self._persist)
            self._loop.call_soon_threadsafe(answer, self._underway, written)
        return len(self._underway) == len(group)

    def _persist(self, work: Work) -> Written:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                written = self._commits.commit(work)
            except StoreError as error:
                self._note_failure(error)
            else:
                self._note_success()
                return written
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _note_failure(self, error: StoreError) -> None:
        if self._give_up_at is not None and time.monotonic() >= self._give_up_at:
            raise error
        if not self._is_failing:
            self._is_failing = True
            log.warning(
                "%s Results are kept until it takes them.", error, extra={"action": "store_failing"}
            )

    def _note_success(self) -> None:
        if self._is_failing:
            self._is_failing = False
            log.info("The store takes records again.", extra={"action": "store_back"})

    def _die(self, error: StoreError) -> None:
        self._death = error
        self._loop.call_soon_threadsafe(self._refuse_all, error)
        if self._give_up_at is None:
            self._on_death()

    def _refuse_all(self, error: StoreError) -> None:
        # On the loop, where orders are given: none can slip in behind it.
        left = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        refuse([*self._underway, *(order for order in left if order is not None)], error)
