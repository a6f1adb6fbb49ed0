"""Our worker as a process of its own, told by a file what to serve. Started by a bench."""

import asyncio
import math
import sys
import uuid
from pathlib import Path
from typing import Any

import msgspec

from backends.base import Backend, OnProgress
from backends.null import NullBackend
from jobs.model import GenerationRequest, GenerationResult
from jobs.settings import Settings, WorkerSettings
from jobs.settings_pools import PoolSettings
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lifeline import end_with_parent
from nightmill.logs import log_to_stderr
from nightmill.pools import backend_of
from worker.app import run_worker
from worker.heartbeat import BUSY_S


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """All that the process has to know; it reads no configuration of the user's."""

    data_dir: str
    store_url: str
    broker_url: str
    pool: str
    #: The pool's settings as JSON.
    settings: dict[str, Any]
    lifeline_fd: int
    #: A file that is made when jobs are taken.
    ready: str
    #: Whether its heart beats; only a measurement of heartbeats does without.
    beats: bool = True
    #: Seconds that the null backend takes for an answer.
    answer_s: float = 0.0
    grace_s: float = 30.0


def main(path: Path) -> int:
    """Run the jobs of the pool until a signal comes or the parent is gone."""
    spec = msgspec.json.decode(path.read_bytes(), type=Spec)
    end_with_parent(spec.lifeline_fd)
    log_to_stderr()
    pool = PoolSettings.model_validate(spec.settings)
    settings = Settings(
        data_dir=Path(spec.data_dir),
        pools={spec.pool: pool},
        worker=WorkerSettings(grace_s=spec.grace_s),
    )
    return run_worker(
        settings,
        spec.pool,
        _backend_of(pool, settings, spec.answer_s),
        store_url=spec.store_url,
        broker_url=spec.broker_url,
        session=str(uuid.uuid4()),
        host="bench",
        on_ready=Path(spec.ready).touch,
        beat_every_s=BUSY_S if spec.beats else math.inf,
    )


class _Slow(NullBackend):
    """Holds each job for a while, and does nothing meanwhile."""

    def __init__(self, slots: int, answer_s: float) -> None:
        super().__init__(slots)
        self._answer_s = answer_s

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        await asyncio.sleep(self._answer_s)
        return await super().generate(request, on_progress)


def _backend_of(pool: PoolSettings, settings: Settings, answer_s: float) -> Backend:
    if pool.backend == "null" and answer_s > 0:
        return _Slow(pool.slots_or_default, answer_s)
    return backend_of(pool, DataDir(settings.data_dir).log_of("engine"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
