"""A job that kills the engine is found, and costs its neighbours one attempt and no more."""

import asyncio
import math

import msgspec

from backends.base import OnProgress
from backends.errors import CrashedError
from backends.fake import FakeBackend, Script
from jobs.model import GenerationRequest, GenerationResult
from jobs.store import dispatch, ending, running
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import StartHost
from tests.worker.world import POOL, ask, hand_out, submit
from worker.tally import Tally

KILLER = "killer"


class Mortal(FakeBackend):
    """Dies of one prompt, and takes along whatever is in flight."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots=slots)
        self.deaths = 0
        self._lives: set[asyncio.Future[None]] = set()

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        life: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lives.add(life)
        try:
            if request.messages[-1].content == KILLER:
                # Everybody who came with it is there by then.
                await asyncio.sleep(0)
                self._die()
            elif self.deaths == 0:
                await life
            if life.done():
                await life
            return await super().generate(request, on_progress)
        finally:
            self._lives.discard(life)

    def _die(self) -> None:
        self.deaths += 1
        for life in self._lives:
            life.set_exception(CrashedError("The engine died.", alone=len(self._lives) == 1))


class Watched(FakeBackend):
    """Notes how many others were with it when a prompt came."""

    def __init__(self, script: Script) -> None:
        super().__init__(script, slots=4)
        self.company: dict[str, int] = {}

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        self.company[request.messages[-1].content] = self.in_flight
        return await super().generate(request, on_progress)


def test_a_job_that_kills_the_engine_is_found_by_running_suspects_alone(
    sqlite_store: Store, start_host: StartHost
) -> None:
    submit(sqlite_store, [KILLER, *(f"row {i}" for i in range(2, 9))])
    backend = Mortal(slots=4)
    host = start_host(sqlite_store, backend, max_crashes=3)
    let_all_be_due(sqlite_store)

    while hints := hand_out(sqlite_store, 4):
        host.run_pack(hints, Tally(POOL, len(hints))).result(20)
        let_all_be_due(sqlite_store)

    ended = ask(
        sqlite_store,
        "SELECT j.line, r.state, r.error_code, j.crashes FROM jobs j"
        " JOIN results r ON r.job_id = j.id ORDER BY j.line",
    )
    assert ended[0] == (1, "failed", "poison", 3)
    assert {row[1:] for row in ended[1:]} == {("succeeded", None, 0)}
    assert len(ended) == 8
    assert backend.deaths == 4
    assert ask(sqlite_store, "SELECT max(attempt) FROM jobs WHERE line > 1") == [(2,)]


def test_a_suspect_waits_until_what_was_cancelled_has_left_the_engine(
    sqlite_store: Store, start_host: StartHost
) -> None:
    """For the store it is alone from the cancelling on; the session has yet to hear of that."""
    backend = Watched(Script(delays={"cancelled": math.inf}))
    host = start_host(sqlite_store, backend)
    cancelled = submit(sqlite_store, ["cancelled"])
    host.run_pack(hand_out(sqlite_store), Tally(POOL, 1))
    eventually(lambda: backend.in_flight, "the job that will be cancelled")
    submit(sqlite_store, ["suspect"])
    with sqlite_store.write() as c:
        running.claim(c, "dead", "there", dispatch.dispatch(c, POOL, 1), 60)
        dispatch.release_session(c, "dead")
        ending.cancel(c, cancelled)

    [suspect] = hand_out(sqlite_store)
    host.run_pack([suspect], Tally(POOL, 1)).result(20)

    assert backend.company == {"cancelled": 0, "suspect": 0}
    assert ask(sqlite_store, "SELECT state FROM jobs ORDER BY id") == [
        ("cancelled",),
        ("succeeded",),
    ]


def test_nothing_begins_beside_a_suspect(sqlite_store: Store, start_host: StartHost) -> None:
    """Late messages may bring more than the dispatcher meant to run beside it."""
    backend = Watched(Script(delay_s=0.05))
    host = start_host(sqlite_store, backend)
    submit(sqlite_store, ["suspect", "other"])
    suspect, other = hand_out(sqlite_store)

    alone = host.run_pack([msgspec.structs.replace(suspect, is_suspect=True)], Tally(POOL, 1))
    eventually(lambda: backend.in_flight or alone.done(), "the suspect")
    host.run_pack([other], Tally(POOL, 1)).result(20)

    assert backend.company == {"suspect": 0, "other": 0}


def let_all_be_due(store: Store) -> None:
    """Nobody has to wait for another try."""
    with store.write() as c:
        c.exec_driver_sql("UPDATE jobs SET not_before = 0")
