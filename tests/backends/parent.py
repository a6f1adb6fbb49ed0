"""A process that generates until it is killed; it prints the process id of its engine."""

import asyncio
import os
import sys
from pathlib import Path

from backends.mlx.front import MlxBackend
from tests.backends.asking import ask


async def generate(models_dir: str, folder: str) -> None:
    backend = MlxBackend(
        models_dir=Path(models_dir), log_path=Path(folder) / "log", lock_path=Path(folder) / "lock"
    )
    await backend.open()

    def say_once(tokens: int) -> None:
        if backend._keeper and backend._keeper.ready:
            os.write(1, f"{backend._keeper.ready.pid}\n".encode())

    while True:
        await backend.generate(ask("on and on", "babbler", max_tokens=4000), say_once)


if __name__ == "__main__":
    asyncio.run(generate(*sys.argv[1:]))
