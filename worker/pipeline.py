"""The life of a job on a host: take slots, claim, generate, check, record, report."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from backends.base import Backend
from backends.errors import RefusedError
from jobs.errors import StoreError
from jobs.model import Claimed, GenerationRequest, GenerationResult, Hint, Outcome
from jobs.store.hosts import Trouble
from worker.asking import HoldsToSchema, SchemaMismatchError, answer
from worker.failures import log_failure
from worker.flight import Abort, AbortedError, Flight
from worker.outcomes import Identity, handed_back, judged, succeeded, used
from worker.parking import Parking
from worker.slots import Slots, SlotsClosedError
from worker.tally import Tally
from worker.verdict import Limits, judge
from worker.writer import Writer

log = logging.getLogger(__name__)

#: How long the store gets to take what is handed back before the host ends without it.
HAND_BACK_S = 5.0

_read_request = msgspec.json.Decoder(GenerationRequest).decode


class Pipeline:
    """Runs packs of jobs, as many at once as there are slots. On one event loop.

    `chance` gives a random number from 0 to 1.
    """

    def __init__(
        self,
        backend: Backend,
        writer: Writer,
        slots: Slots,
        holds: HoldsToSchema,
        *,
        who: Identity,
        limits: Limits,
        chance: Callable[[], float],
    ) -> None:
        self._backend = backend
        self._writer = writer
        self._slots = slots
        self._holds = holds
        self._who = who
        self._limits = limits
        self._chance = chance
        self._flights: dict[str, Flight] = {}
        self._parking = Parking(time.monotonic)
        self._packs = 0
        self._pack_ended = asyncio.Event()
        self._is_handing_back = False
        self._is_finishing = False

    @property
    def is_busy(self) -> bool:
        """Whether there are packs whose jobs have not all been recorded."""
        return self._packs > 0

    @property
    def has_free_slots(self) -> bool:
        """Whether another job could begin now."""
        return self._slots.are_free

    @property
    def trouble(self) -> Trouble | None:
        """Why the backend serves nobody now, if it does not."""
        return self._parking.trouble

    async def run_pack(self, hints: Sequence[Hint], tally: Tally) -> None:
        """Run the jobs of a message to their end, each as soon as there is a slot for it.

        Ends early, with what is left over in `tally`, when the host drains.
        """
        self._packs += 1
        try:
            for life in await self._launch_all(list(hints), tally):
                await life
        finally:
            self._packs -= 1
            self._pack_ended.set()

    def abort(self, job_ids: Iterable[str]) -> None:
        """Break off jobs that are no longer this session's."""
        for job_id in job_ids:
            if flight := self._flights.get(job_id):
                log.info(
                    "Job %s ended or went elsewhere; its generation is broken off.",
                    job_id,
                    extra={"action": "job_lost", "job": job_id},
                )
                flight.abort(Abort.LOST)

    async def finish(self) -> None:
        """Claim nothing more and let jobs end, however long that takes."""
        self._is_finishing = True
        self._slots.close()
        await self._come_to_rest(None)

    async def drain(self, grace_s: float) -> None:
        """Claim nothing more, let jobs end for `grace_s` seconds, hand back the rest."""
        self._slots.close()
        await self._come_to_rest(grace_s)
        self.hand_back()
        await self._come_to_rest(HAND_BACK_S)

    def hand_back(self) -> None:
        """Claim nothing more and give back at once what runs."""
        self._slots.close()
        self._is_handing_back = True
        for flight in self._flights.values():
            flight.abort(Abort.HANDED_BACK)

    async def _launch_all(self, rest: list[Hint], tally: Tally) -> list[asyncio.Task[None]]:
        lives: list[asyncio.Task[None]] = []
        try:
            while rest:
                count = await self._take_slots(rest)
                lives += [self._launch(flight, tally) for flight in await self._claim(rest[:count])]
                del rest[:count]
        except (SlotsClosedError, StoreError):
            # The writer has said what is wrong with the store. While it takes long to end, what was
            # sent back would come again and again; the dispatcher finds what nobody claims.
            tally.left_over = () if self._is_finishing else tuple(rest)
        return lives

    async def _take_slots(self, hints: Sequence[Hint]) -> int:
        """Wait for slots; how many of the hints may be claimed now."""
        if not hints[0].is_suspect:
            return await self._slots.take(len(hints))
        # Not even what has ended for the store, which may not have been broken off yet, may be in
        # the backend's hands while a suspect is: else it would not be clear which one kills it.
        await self._slots.take_all()
        return 1

    async def _claim(self, hints: Sequence[Hint]) -> list[Flight]:
        # A suspect is the only one of its pack.
        is_alone = hints[0].is_suspect
        claimed: list[Claimed] = []
        try:
            claimed = await self._writer.claim(hints)
        finally:
            # What was stale, cancelled or taken needs no slot.
            self._slots.free((len(hints) - len(claimed)) * self._slots_for(is_alone=is_alone))
        return [Flight(job, is_alone=is_alone) for job in claimed]

    def _slots_for(self, *, is_alone: bool) -> int:
        return self._slots.total if is_alone else 1

    def _launch(self, flight: Flight, tally: Tally) -> asyncio.Task[None]:
        self._flights[flight.job.job_id] = flight
        if self._is_handing_back:
            flight.abort(Abort.HANDED_BACK)
        return asyncio.create_task(self._live(flight, tally))

    async def _live(self, flight: Flight, tally: Tally) -> None:
        try:
            outcome = await self._attempt(flight)
        finally:
            # The slot is the backend's: it is free while the answer is being recorded.
            self._slots.free(self._slots_for(is_alone=flight.is_alone))
        try:
            if outcome is not None:
                tally.count(outcome, counted=await self._writer.record(outcome))
        except StoreError:
            # The writer is dead, and has said why; the job comes back when its lease ends.
            return
        finally:
            self._land(flight)

    def _land(self, flight: Flight) -> None:
        # A job that was lost may have been claimed again before its first flight was over.
        if self._flights.get(flight.job.job_id) is flight:
            del self._flights[flight.job.job_id]

    async def _attempt(self, flight: Flight) -> Outcome | None:
        job, model = flight.job, ""
        try:
            request = _read_request(job.body)
            model = request.model
            result = await flight.generate(partial(answer, self._generate, self._holds, request))
            return succeeded(self._who, job, result)
        except AbortedError as aborted:
            return handed_back(self._who, job) if aborted.why is Abort.HANDED_BACK else None
        except Exception as error:  # noqa: BLE001  (whatever it is ends up in the job's record)
            return self._fail(flight, model, error)

    async def _generate(self, request: GenerationRequest) -> GenerationResult:
        result = await self._backend.generate(request, _ignore_progress)
        self._parking.end()
        return result

    def _fail(self, flight: Flight, model: str, error: Exception) -> Outcome:
        job = flight.job
        verdict = judge(error, job, self._limits, self._chance(), was_alone=flight.is_alone)
        log_failure(job.job_id, error, verdict)
        if isinstance(error, RefusedError):
            # Whoever refuses has answered.
            self._parking.end()
        if verdict.park_s and (park_s := self._parking.begin(verdict.message, verdict.park_s)):
            self._slots.park(park_s)
        outcome = judged(self._who, job, model, verdict)
        if isinstance(error, SchemaMismatchError):
            return used(outcome, error.input_tokens, error.output_tokens)
        return outcome

    async def _come_to_rest(self, within_s: float | None) -> None:
        try:
            async with asyncio.timeout(within_s):
                while self.is_busy:
                    self._pack_ended.clear()
                    await self._pack_ended.wait()
        except TimeoutError:
            return


def _ignore_progress(tokens: int) -> None:
    """A backend watches its own tokens; nobody else asks yet."""
