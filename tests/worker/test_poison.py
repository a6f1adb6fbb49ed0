"""A job that kills the engine is found, and costs its neighbours one attempt and no more."""

import asyncio

from backends.base import OnProgress
from backends.errors import CrashedError
from backends.fake import FakeBackend
from jobs.model import GenerationRequest, GenerationResult
from jobs.store.store import Store
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


def let_all_be_due(store: Store) -> None:
    """Nobody has to wait for another try."""
    with store.write() as c:
        c.exec_driver_sql("UPDATE jobs SET not_before = 0")
