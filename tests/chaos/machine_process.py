"""`nightmill` as it runs on a machine of the harness:
`python -m tests.chaos.machine_process LIFELINE DELAY ARGS…`.

It ends with the harness, and backends of kind `fake` take DELAY seconds for an answer.
"""

import sys
from pathlib import Path

from backends.base import Backend
from backends.fake import FakeBackend, Script
from jobs.settings_pools import PoolSettings
from nightmill import pool_process, pools
from nightmill.cli import main
from nightmill.embedded.lifeline import end_with_parent


def slow_down(delay_s: float) -> None:
    """Let fake backends take their time."""

    def slow_backend_of(pool: PoolSettings, engine_log: Path) -> Backend:
        if pool.backend == "fake":
            return FakeBackend(Script(delay_s=delay_s), pool.slots_or_default)
        return pools.backend_of(pool, engine_log)

    vars(pool_process)["backend_of"] = slow_backend_of


if __name__ == "__main__":
    lifeline, delay_s, *arguments = sys.argv[1:]
    end_with_parent(int(lifeline))
    slow_down(float(delay_s))
    sys.argv = ["nightmill", *arguments]
    main()
