"""Our worker as a process of its own, told by a file what to serve. Started by a bench."""

import sys
import uuid
from pathlib import Path
from typing import Any

import msgspec

from jobs.settings import Settings
from jobs.settings_pools import PoolSettings
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lifeline import end_with_parent
from nightmill.logs import log_to_stderr
from nightmill.pools import backend_of
from worker.app import run_worker


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


def main(path: Path) -> int:
    """Run the jobs of the pool until a signal comes or the parent is gone."""
    spec = msgspec.json.decode(path.read_bytes(), type=Spec)
    end_with_parent(spec.lifeline_fd)
    log_to_stderr()
    pool = PoolSettings.model_validate(spec.settings)
    settings = Settings(data_dir=Path(spec.data_dir), pools={spec.pool: pool})
    return run_worker(
        settings,
        spec.pool,
        backend_of(pool, DataDir(settings.data_dir).log_of("engine")),
        store_url=spec.store_url,
        broker_url=spec.broker_url,
        session=str(uuid.uuid4()),
        host="bench",
        on_ready=Path(spec.ready).touch,
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
