"""Getting a model into memory before prompts are sent to it, with one window for all of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from backends.ollama.window import window_for

#: Loads a model with a window.
Load = Callable[[str, int], Awaitable[None]]
#: The window that a model has in Ollama's memory; 0 if it is not there.
LoadedWindow = Callable[[str], Awaitable[int]]

#: After so many seconds without a prompt, Ollama may have dropped the model.
STALE_S = 120.0


@dataclass
class _Model:
    """What is going on with one model."""

    window: int = 0
    #: When it was last known to be in memory; None before that.
    seen_at: float | None = None
    in_flight: int = 0
    is_idle: asyncio.Event = field(default_factory=asyncio.Event)
    #: Who comes later waits until the model is there for those before.
    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    loading: asyncio.Task[None] | None = None


class Seats:
    """Lets prompts in to their models.

    A model is loaded by a request without a prompt that nobody's impatience ends: Ollama breaks
    off a load when the request that began it goes away. Only when nobody uses a model any more
    does its window change.
    """

    def __init__(self, load: Load, loaded_window: LoadedWindow, num_ctx: int | None) -> None:
        self._load = load
        self._loaded_window = loaded_window
        self._num_ctx = num_ctx
        self._models: dict[str, _Model] = {}

    @asynccontextmanager
    async def take(self, name: str, wanted: int, context: int) -> AsyncIterator[int]:
        """Hold a model in memory for the block; gives the window that the request is to name."""
        model = self._models.setdefault(name, _Model())
        async with model.door:
            await self._make_ready(name, model, wanted, context)
            model.in_flight += 1
            model.is_idle.clear()
        try:
            yield model.window
            model.seen_at = _now()
        finally:
            model.in_flight -= 1
            if not model.in_flight:
                model.is_idle.set()

    def can_grow(self, name: str, wanted: int, context: int) -> bool:
        """Whether a request that wants so many tokens would get a larger window."""
        present = self._models[name].window
        window = window_for(
            wanted, context=context, configured=self._num_ctx, present=present, loaded=0
        )
        return window > present

    @property
    def used(self) -> dict[str, int]:
        """The windows of the models that prompts were sent to, and that may still be in memory."""
        return {n: model.window for n, model in self._models.items() if model.seen_at is not None}

    def forget(self) -> None:
        """The server was away, or dropped them: no model is known to be in its memory."""
        for model in self._models.values():
            model.seen_at = None

    async def give_up_loading(self) -> None:
        """Break off what is being loaded."""
        tasks = [model.loading for model in self._models.values() if model.loading]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Give up what is being loaded."""
        await self.give_up_loading()
        self._models.clear()

    async def _make_ready(self, name: str, model: _Model, wanted: int, context: int) -> None:
        if model.loading is not None:
            # Begun for a job that has been cancelled since; how it ends is seen below.
            await asyncio.wait({model.loading})
        loaded = 0 if model.window else await self._loaded_window(name)
        window = window_for(
            wanted,
            context=context,
            configured=self._num_ctx,
            present=model.window,
            loaded=loaded,
        )
        if window == model.window and not _is_stale(model):
            return
        if window != model.window and model.in_flight:
            await model.is_idle.wait()
        model.loading = asyncio.create_task(self._bring_in(name, model, window))
        # Who began it may be gone when it fails: the next job will see for itself.
        model.loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(model.loading)

    async def _bring_in(self, name: str, model: _Model, window: int) -> None:
        try:
            await self._load(name, window)
            model.window = window
            model.seen_at = _now()
        finally:
            model.loading = None


def _is_stale(model: _Model) -> bool:
    if model.in_flight and model.seen_at is not None:
        return False
    return model.seen_at is None or _now() - model.seen_at > STALE_S


def _now() -> float:
    return asyncio.get_running_loop().time()
