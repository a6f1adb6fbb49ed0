"""The one writer of the process: it carries claims, records and heartbeats to the store.

It commits together whatever was asked for while the commit before was under way, so that many
jobs share one sync of the disk. While the store does not answer it tries again and keeps what is
to be recorded, in the spool too: so it outlives even the process.
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from typing import TypeVar

import msgspec

from jobs.errors import OtherVersionError, StoreError
from jobs.model import Claimed, Hint, Outcome
from worker.bisect import write_all
from worker.commit import Commits
from worker.frames import frames_of
from worker.heartbeat import Heartbeat
from worker.orders import Claim, Order, Record, answer, outcomes_of, refuse, work_of
from worker.spool import Spool
from worker.work import Work, Written

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
#: How often is looked whether the host's health has changed, in seconds.
_LOOK_S = 1.0

_Answer = TypeVar("_Answer")


class Writer:
    """A thread with a queue. `claim` and `record` are called on the event loop, and so is
    `on_lost`, with the jobs that are no longer this session's.

    `on_death` is called in the thread should it end for any other reason than `stop`, or should
    another session have taken this one's place.
    """

    def __init__(
        self,
        commits: Commits,
        spool: Spool,
        heartbeat: Heartbeat,
        loop: asyncio.AbstractEventLoop,
        on_death: Callable[[], None],
    ) -> None:
        self._commits = commits
        self._spool = spool
        self._loop = loop
        self._on_death = on_death
        self._on_lost: Callable[[Iterable[str]], None] = _ignore
        self._heartbeat = heartbeat
        self._queue: SimpleQueue[Order | None] = SimpleQueue()
        #: Taken from the queue: what is being written, and what comes after it.
        self._underway: list[Order] = []
        self._waiting: list[Order] = []
        self._is_ending = False
        self._is_failing = False
        self._is_spool_failing = False
        self._is_replaced = False
        self._give_up_at: float | None = None
        self._death: StoreError | None = None
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    @property
    def is_failing(self) -> bool:
        """Whether the store takes nothing now."""
        return self._is_failing

    def start(self, on_lost: Callable[[Iterable[str]], None]) -> None:
        """Begin to write and to beat."""
        self._on_lost = on_lost
        self._thread.start()

    def claim(self, hints: Sequence[Hint]) -> asyncio.Future[list[Claimed]]:
        """The jobs of `hints` that this session holds from now on and did not before."""
        done: asyncio.Future[list[Claimed]] = self._loop.create_future()
        return self._ask(Claim(hints, done), done)

    def record(self, outcome: Outcome) -> asyncio.Future[bool]:
        """Whether `outcome` counted; known once it is on the store's disk."""
        done: asyncio.Future[bool] = self._loop.create_future()
        return self._ask(Record(outcome, done), done)

    def stop(self, within_s: float) -> None:
        """Write what is still asked for, then end the thread.

        Raises:
            StoreError: the store did not take it all within `within_s` seconds, or the thread
                had died before. What was not recorded is in the spool, for the next worker.
        """
        self._give_up_at = time.monotonic() + within_s
        self._queue.put(None)
        # A lock of the operating system may block without end; nothing is lost by leaving it.
        self._thread.join(within_s + LONGEST_PAUSE_S)
        if self._thread.is_alive():
            # It hangs in a commit, and nobody else will keep what it was given.
            self._collect(0)
            self._keep()
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
            while not self._is_ending or self._waiting:
                self._write_next()
        except StoreError as error:
            log.critical("%s Nothing more is recorded.", error, extra={"action": "writer_ended"})
            self._die(error)
        except Exception as error:  # noqa: BLE001  (told to all who wait)
            # Only the frames: the text of an exception may quote an answer.
            log.critical("The writer died.\n%s", frames_of(error), extra={"action": "writer_died"})
            self._die(StoreError(f"The writer died of an unexpected {type(error).__name__}."))
        finally:
            self._spool.close()

    def _write_next(self) -> None:
        """Wait for something to write, or for the next heartbeat, and write it."""
        if not self._waiting:
            self._collect(self._rest_s())
        self._underway, self._waiting = self._waiting, []
        work = work_of(self._underway)
        if self._rest_s() == 0:
            work = msgspec.structs.replace(work, is_beat=True, trouble=self._heartbeat.trouble)
        if work.size == 0:
            return
        written = write_all(work, self._persist)
        self._forget(work.outcomes)
        self._tell(answer, self._underway, written)
        if written.beat is not None:
            self._heartbeat.beaten(work.trouble)
            self._tell(self._on_lost, written.beat.lost)
        if written.is_replaced:
            self._note_replaced()

    def _rest_s(self) -> float:
        return self._heartbeat.due_in_s(is_busy=self._commits.holds_any)

    def _collect(self, within_s: float) -> None:
        """Take the orders that are there, or wait for one, but not much longer than `_LOOK_S`."""
        orders: list[Order | None] = []
        with contextlib.suppress(queue.Empty):
            orders.append(self._queue.get(timeout=min(within_s, _LOOK_S)))
        orders += [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        self._is_ending = self._is_ending or any(order is None for order in orders)
        self._waiting += [order for order in orders if order is not None]

    def _persist(self, work: Work) -> Written:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                written = self._commits.commit(work)
            except OtherVersionError:
                raise
            except StoreError as error:
                self._note_failure(error)
            else:
                self._note_success()
                return written
            self._keep()
            self._collect(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _keep(self) -> None:
        """Let what is to be recorded outlive this process."""
        outcomes = outcomes_of([*self._underway, *self._waiting])
        try:
            self._spool.keep(self._commits.stamped(outcomes))
        except OSError as error:
            if not self._is_spool_failing:
                log.warning(
                    "Answers are kept in memory only, as the disk takes nothing (%s).",
                    error.strerror,
                    extra={"action": "spool_failing"},
                )
            self._is_spool_failing = True

    def _forget(self, outcomes: Sequence[Outcome]) -> None:
        try:
            self._spool.forget(outcomes)
        except OSError as error:
            log.warning(
                "What was kept on the disk could not be removed (%s).",
                error.strerror,
                extra={"action": "spool_not_removed"},
            )

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
            self._is_failing = self._is_spool_failing = False
            log.info("The store takes records again.", extra={"action": "store_back"})

    def _note_replaced(self) -> None:
        if self._is_replaced:
            return
        self._is_replaced = True
        log.critical(
            "Another worker has taken this one's name while it was not heard of; it ends. Give one"
            " of them another name with `worker.name`.",
            extra={"action": "replaced"},
        )
        self._on_death()

    def _die(self, error: StoreError) -> None:
        self._death = error
        self._collect(0)
        self._keep()
        self._tell(self._refuse_all, error)
        if self._give_up_at is None:
            self._on_death()

    def _tell(self, callback: Callable[..., None], *values: object) -> None:
        # The loop may have ended while a commit hung; then nobody waits any more.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *values)

    def _refuse_all(self, error: StoreError) -> None:
        # On the loop, where orders are given: none can slip in behind it.
        self._collect(0)
        refuse([*self._underway, *self._waiting], error)


def _ignore(_lost: Iterable[str]) -> None:
    """Nobody is told before the writer was started."""
