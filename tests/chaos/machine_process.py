"""`nightmill` as it runs on a machine of another name:
`python -m tests.chaos.machine_process NAME DELAY ARGS…`.

Backends of kind `fake` take DELAY seconds for an answer.
"""

import platform
import sys
from pathlib import Path

from backends.base import Backend
from backends.fake import FakeBackend, Script
from jobs.settings_pools import PoolSettings
from nightmill import pool_process
from nightmill.cli import main
from nightmill.pools import backend_of


def play(name: str, delay_s: float) -> None:
    """Let what runs in this process believe that it is elsewhere."""

    def slow_backend_of(pool: PoolSettings, engine_log: Path) -> Backend:
        if pool.backend == "fake":
            return FakeBackend(Script(delay_s=delay_s), pool.slots_or_default)
        return backend_of(pool, engine_log)

    platform.node = lambda: name
    pool_process.backend_of = slow_backend_of  # type: ignore[assignment]


if __name__ == "__main__":
    name, delay_s, *arguments = sys.argv[1:]
    play(name, float(delay_s))
    sys.argv = ["nightmill", *arguments]
    main()
