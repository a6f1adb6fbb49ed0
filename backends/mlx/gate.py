"""Who may use the engine while it holds one model: jobs of one model at a time, in turns."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import takewhile


class ModelGate:
    """Lets in the jobs of one model; those of another wait until the last of them has left.

    Once somebody waits for another model, nobody passes them: however many jobs of the present
    model keep coming, each model gets its turn.
    """

    def __init__(self) -> None:
        self._model: str | None = None
        self._inside = 0
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, model: str) -> AsyncIterator[None]:
        """Be inside, with others of the same model only."""
        await self._enter(model)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, model: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((model, turn))
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove((model, turn))
                self._let_in()
            else:
                self._leave()
            raise

    def _leave(self) -> None:
        self._inside -= 1
        self._let_in()

    def _let_in(self) -> None:
        for entry in self._next_group():
            self._waiting.remove(entry)
            self._inside += 1
            entry[1].set_result(None)

    def _next_group(self) -> list[tuple[str, "asyncio.Future[None]"]]:
        if not self._waiting:
            return []
        if self._inside:
            return list(takewhile(lambda entry: entry[0] == self._model, self._waiting))
        # All of them together, wherever they stand: a model is not loaded for one job of many.
        self._model = self._waiting[0][0]
        return [entry for entry in self._waiting if entry[0] == self._model]
