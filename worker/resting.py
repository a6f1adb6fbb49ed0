"""Letting the machine rest and working again: the orderly way down and up."""

import asyncio
import logging

from backends.base import Backend
from backends.errors import BackendError
from jobs.hours import local_time
from jobs.store.hosts import Rest
from worker.pipeline import Pipeline
from worker.rest import RestWatch

log = logging.getLogger(__name__)

#: Seconds between two looks at the clock.
LOOK_EVERY_S = 1.0
#: What jobs get to end is the grace time of a stop, but no longer than this: within a minute the
#: owner of the machine has its memory.
LONGEST_GRACE_S = 45.0
#: Seconds until a server that would not give its memory back is asked again.
ASK_AGAIN_S = 5.0


class Resting:
    """Brings a host to rest and back as its watch says. On one event loop."""

    def __init__(
        self, watch: RestWatch, pipeline: Pipeline, backend: Backend, grace_s: float
    ) -> None:
        self._watch = watch
        self._pipeline = pipeline
        self._backend = backend
        self._grace_s = min(grace_s, LONGEST_GRACE_S)
        self._at_rest: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look now, and then every second until `end`."""
        self.look()
        self._looking = asyncio.create_task(self._look_on())

    def look(self) -> None:
        """Begin to rest, or to work again, if it is time to."""
        rest = self._watch.rest
        if rest is not None and self._at_rest is None:
            log.info(
                "The host rests (%s) until %s.",
                rest.because,
                _end_of(rest),
                extra={"action": "rests"},
            )
            self._at_rest = asyncio.create_task(self._rest())
        elif rest is None and self._at_rest is not None:
            log.info("The host works again.", extra={"action": "works_again"})
            self._at_rest.cancel()
            self._at_rest = None
            self._pipeline.wake()

    def end(self) -> None:
        """Look no more; a host that rests goes on resting."""
        for task in (self._looking, self._at_rest):
            if task is not None:
                task.cancel()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    async def _rest(self) -> None:
        await self._pipeline.rest(self._grace_s)
        is_told = False
        while not await self._gives_memory_back(is_told=is_told):
            is_told = True
            await asyncio.sleep(ASK_AGAIN_S)

    async def _gives_memory_back(self, *, is_told: bool) -> bool:
        try:
            await self._backend.rest()
        except Exception as error:  # noqa: BLE001  (whatever it is, it is tried again)
            if not is_told:
                what = str(error) if isinstance(error, BackendError) else type(error).__name__
                log.warning("Models are still in memory: %s", what, extra={"action": "no_rest"})
            return False
        return True


def _end_of(rest: Rest) -> str:
    if rest.until is None:
        return "it is resumed"
    return local_time(rest.until).isoformat(timespec="minutes")
