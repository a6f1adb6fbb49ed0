"""Who is loaded and who waits: loads, reloads, and queues with and without a bound."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.doubles.ollama import says
from tests.doubles.ollama.models import Model
from tests.doubles.ollama.record import Record


@dataclass
class Runner:
    """A model in memory."""

    model: Model
    #: What it was loaded with; anything else means another load.
    num_ctx: int
    shift: bool
    #: Requests of one model wait here without any bound.
    turns: asyncio.Semaphore
    keep_alive_s: float = 300.0
    in_flight: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class Scheduler:
    """Loads models one after the other; a change of `num_ctx` or `shift` loads anew."""

    def __init__(self, record: Record, *, parallel: int, max_queue: int, load_s: float) -> None:
        self.runners: dict[str, Runner] = {}
        self._record = record
        self._parallel = parallel
        self._max_queue = max_queue
        self._load_s = load_s
        self._pending = 0
        self._loading = asyncio.Lock()

    @asynccontextmanager
    async def runner(
        self, model: Model, num_ctx: int, keep_alive_s: float | None, *, shift: bool = True
    ) -> AsyncIterator[Runner]:
        """The model in memory with that window, held there while the block lasts."""
        runner = self.runners.get(model.name)
        if runner is None or (runner.num_ctx, runner.shift) != (num_ctx, shift):
            runner = await self._queue_for_load(model, num_ctx, shift=shift)
        if keep_alive_s is not None:
            runner.keep_alive_s = keep_alive_s
        runner.in_flight += 1
        runner.idle.clear()
        self._record.most_waiting = max(
            self._record.most_waiting, runner.in_flight - self._parallel
        )
        try:
            yield runner
        finally:
            runner.in_flight -= 1
            if not runner.in_flight:
                runner.idle.set()
                if runner.keep_alive_s == 0 and self.runners.get(model.name) is runner:
                    del self.runners[model.name]

    async def _queue_for_load(self, model: Model, num_ctx: int, *, shift: bool) -> Runner:
        if self._pending >= self._max_queue:
            raise says.error(503, says.BUSY)
        self._pending += 1
        try:
            async with self._loading:
                return await self._load(model, num_ctx, shift=shift)
        finally:
            self._pending -= 1

    async def _load(self, model: Model, num_ctx: int, *, shift: bool) -> Runner:
        there = self.runners.get(model.name)
        if there is not None and (there.num_ctx, there.shift) == (num_ctx, shift):
            return there
        if there is not None:
            if there.in_flight:
                await there.idle.wait()
            self.runners.pop(model.name, None)
        try:
            await asyncio.sleep(self._load_s)
        except asyncio.CancelledError:
            self._record.aborted_loads += 1
            raise
        self._record.loads.append(model.name)
        runner = Runner(model, num_ctx, shift, asyncio.Semaphore(self._parallel))
        self.runners[model.name] = runner
        return runner
