"""`nightmill` as it runs on a machine of the harness:
`python -m tests.chaos.machine_process LIFELINE DELAY HOLDINGS ARGS…`.

It ends with the harness. Backends of kind `fake` take DELAY seconds for an answer, and engines
write down in the folder HOLDINGS what they hold.
"""

import sys
from pathlib import Path

from backends.base import Backend, OnProgress
from backends.fake import FakeBackend, Script
from backends.mlx.front import MlxBackend
from jobs.model import GenerationRequest, GenerationResult
from jobs.settings_pools import PoolSettings
from nightmill import pool_process, pools
from nightmill.cli import main
from nightmill.embedded.lifeline import end_with_parent
from tests.chaos.holdings import Holdings


class NotingFake(FakeBackend):
    """Writes down what it holds."""

    def __init__(self, script: Script, slots: int, holdings: Holdings) -> None:
        super().__init__(script, slots)
        self._holdings = holdings

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        prompt = request.messages[-1].content
        self._holdings.took(prompt)
        try:
            return await super().generate(request, on_progress)
        finally:
            self._holdings.let_go(prompt)


def change_backends(delay_s: float, holdings: Path) -> None:
    """Let backends write down what they hold, and those of kind `fake` take their time."""

    def backend_of(pool: PoolSettings, engine_log: Path) -> Backend:
        slots = pool.slots_or_default
        match pool.backend:
            case "fake":
                return NotingFake(Script(delay_s=delay_s), slots, Holdings(holdings))
            case "mlx":
                command = (sys.executable, "-m", "tests.chaos.engine_child", str(holdings))
                return MlxBackend(slots=slots, log_path=engine_log, command=command)
            case _:
                return pools.backend_of(pool, engine_log)

    vars(pool_process)["backend_of"] = backend_of


if __name__ == "__main__":
    lifeline, delay_s, holdings, *arguments = sys.argv[1:]
    end_with_parent(int(lifeline))
    change_backends(float(delay_s), Path(holdings))
    sys.argv = ["nightmill", *arguments]
    main()
