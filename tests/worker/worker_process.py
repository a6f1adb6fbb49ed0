"""A worker with a scripted backend, as a process: `python -m tests.worker.worker_process PLAN`."""

import logging
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from backends.fake import FakeBackend, Script
from jobs.errors import NightmillError, UsageError
from jobs.settings import Settings, WorkerSettings
from jobs.settings_pools import PoolSettings
from tests.worker.world import POOL
from worker import watchdog
from worker.app import run_worker


class Plan(msgspec.Struct, kw_only=True):
    """What the test wants, given as JSON."""

    data_dir: str
    store_url: str
    broker_url: str
    session: str
    host: str = "here"
    answers: dict[str, str] = {}
    delays: dict[str, float] = {}
    delay_s: float = 0.0
    slots: int = 4
    settings: dict[str, Any] = {}
    #: Seconds after which the worker takes itself for deaf.
    deaf_s: float = watchdog.DEAF_S
    #: The hours of its pool.
    hours: tuple[str, ...] | None = None
    #: A file that says by how many seconds the machine's clock is ahead.
    ahead: str | None = None

    def clock(self) -> float:
        return time.time() + (float(Path(self.ahead).read_text()) if self.ahead else 0.0)


def main(plan: Plan) -> int:
    watchdog.DEAF_S, watchdog.LOOK_EVERY_S = plan.deaf_s, min(plan.deaf_s / 4, 10.0)
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    settings = Settings(
        data_dir=Path(plan.data_dir),
        pools={POOL: PoolSettings(backend="fake", slots=plan.slots, hours=plan.hours)},
        worker=WorkerSettings(**plan.settings),
    )
    script = Script(answers=plan.answers, delays=plan.delays, delay_s=plan.delay_s)
    try:
        return run_worker(
            settings,
            POOL,
            FakeBackend(script, plan.slots),
            store_url=plan.store_url,
            broker_url=plan.broker_url,
            session=plan.session,
            host=plan.host,
            wall_clock=plan.clock,
            on_ready=lambda: print("ready", flush=True),  # noqa: T201  (the test reads it)
        )
    except NightmillError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 2 if isinstance(error, UsageError) else 3


if __name__ == "__main__":
    sys.exit(main(msgspec.json.decode(sys.argv[1], type=Plan)))
