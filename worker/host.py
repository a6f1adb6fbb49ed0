"""A host at work: one event loop thread on which all its jobs run, with the backend they use."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Self

from backends.base import Backend, Capabilities
from backends.errors import BackendError
from jobs.errors import UsageError
from jobs.model import Hint
from jobs.settings import Settings
from jobs.store.hosts import HostRow
from jobs.store.store import Store
from worker import presence, spool
from worker.commit import Commits
from worker.fitting.checker import Checker
from worker.heartbeat import BUSY_S, Heartbeat
from worker.loop_thread import LoopThread
from worker.outcomes import Identity
from worker.pipeline import HAND_BACK_S, Pipeline
from worker.slots import Slots
from worker.spool import Spool
from worker.tally import Tally
from worker.watchdog import Condition
from worker.writer import Writer

log = logging.getLogger(__name__)


class Host:
    """Backend, pipeline, writer and heartbeat of one worker process, from `open` to `close`.

    Its methods are called from outside the loop. `on_death` is called when nothing more can be
    recorded or kept, in whatever thread noticed it.
    """

    def __init__(
        self,
        thread: LoopThread,
        backend: Backend,
        capabilities: Capabilities,
        *,
        store: Store,
        who: Identity,
        row: HostRow,
        settings: Settings,
        on_death: Callable[[], None],
        beat_every_s: float,
    ) -> None:
        self.capabilities = capabilities
        self._thread = thread
        self._backend = backend
        self._grace_s = settings.worker.grace_s
        self._writer = Writer(
            Commits(store, row, settings.worker.lease_s),
            Spool(spool.folder_in(settings.data_dir), store.describe(), who.session),
            # It beats once the pipeline is there.
            Heartbeat(time.monotonic, lambda: self._pipeline.trouble, beat_every_s),
            thread.loop,
            on_death,
        )
        self._checker = Checker()
        self._pipeline = Pipeline(
            backend,
            self._writer,
            Slots(capabilities.slots),
            self._checker,
            who=who,
            limits=settings.worker,
            chance=random.random,
        )
        self._packs: set[Future[None]] = set()
        self._packs_begun = 0
        self._draining: asyncio.Task[None] | None = None
        self._writer.start(self._pipeline.abort)

    @classmethod
    def open(
        cls,
        backend: Backend,
        store: Store,
        who: Identity,
        settings: Settings,
        on_death: Callable[[], None],
        *,
        beat_every_s: float = BUSY_S,
    ) -> Self:
        """Open the backend, announce the host and begin to work.

        Raises `UsageError` if the backend cannot be opened, or another machine has the name.
        """
        thread = LoopThread()
        try:
            capabilities = thread.run(backend.open())
            row = presence.announce(store, who, capabilities)
        except BaseException as error:
            thread.run(backend.close())
            thread.end()
            if isinstance(error, BackendError):
                raise UsageError(
                    f"The backend of pool {who.pool} does not open: {error}"
                ) from error
            raise
        return cls(
            thread,
            backend,
            capabilities,
            store=store,
            who=who,
            row=row,
            settings=settings,
            on_death=on_death,
            beat_every_s=beat_every_s,
        )

    def run_pack(self, hints: Sequence[Hint], tally: Tally) -> "Future[None]":
        """Begin to run a pack. Done when its jobs are; cancelled at the end of a drain."""
        self._packs_begun += 1
        pack = self._thread.begin(self._pipeline.run_pack(hints, tally))
        self._packs.add(pack)
        pack.add_done_callback(self._packs.discard)
        return pack

    def condition(self) -> Condition:
        """How it is now."""
        return self._thread.run(self._look())

    def finish(self, then: Callable[[], None]) -> None:
        """Claim nothing more, let jobs end however long that takes, then call `then`."""
        self._thread.begin(self._finish(then))

    def drain(self) -> None:
        """Claim nothing more and let jobs end within the grace time. May be called again."""
        self._thread.call(self._begin_to_drain)

    def drain_or_hand_back(self, then: Callable[[], None] | None = None) -> None:
        """Drain; when that is under way, hand back at once. `then` is called in the loop's thread.

        Safe in a signal handler.
        """
        self._thread.call(self._drain_faster)
        if then is not None:
            self._thread.call(then)

    def close(self) -> None:
        """Drain, record what is left and close the backend; nothing runs afterwards.

        Raises:
            StoreError: not everything could be recorded. Those jobs come back with their leases.
        """
        with ExitStack() as last_first:
            last_first.callback(self._thread.end)
            last_first.callback(self._writer.stop, HAND_BACK_S)
            last_first.callback(self._close_backend)
            last_first.callback(self._close_checker)
            self._thread.run(self._drained())

    def _begin_to_drain(self) -> asyncio.Task[None]:
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return self._draining

    def _drain_faster(self) -> None:
        if self._draining is None:
            self._begin_to_drain()
        else:
            self._pipeline.hand_back()

    async def _look(self) -> Condition:
        return Condition(
            has_free_slots=self._pipeline.has_free_slots,
            store_answers=not self._writer.is_failing,
            packs=self._packs_begun,
        )

    async def _finish(self, then: Callable[[], None]) -> None:
        await self._pipeline.finish()
        then()

    async def _drain(self) -> None:
        log.info("The worker drains: nothing more is claimed.", extra={"action": "drain"})
        await self._pipeline.drain(self._grace_s)
        if self._pipeline.is_busy:
            # What still waits for the store would keep its thread, and so the process, for ever.
            for pack in list(self._packs):
                pack.cancel()

    async def _drained(self) -> None:
        await self._begin_to_drain()

    def _close_backend(self) -> None:
        self._thread.run(self._backend.close())

    def _close_checker(self) -> None:
        self._thread.run(self._checker.close())
