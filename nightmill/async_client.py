"""The same client for programs with an event loop: its calls run on threads."""

import asyncio
import functools
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from nightmill.client import Client, OnProgress
from nightmill.result import Result
from nightmill.results import Results
from nightmill.status import Status

P = ParamSpec("P")
T = TypeVar("T")


def _awaited(
    method: Callable[Concatenate[Client, P], T],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """A method of the client to be awaited. Cancelled, it still comes to its end first."""

    @functools.wraps(method)
    async def call(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await _to_its_end(functools.partial(method, self.client, *args, **kwargs))

    return call


def _iterated(
    method: Callable[Concatenate[Client, P], Results],
) -> Callable[Concatenate["AsyncClient", P], AsyncGenerator[Result, None]]:
    """A method of the client whose results are gone through by `async for`."""

    @functools.wraps(method)
    async def iterate(
        self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncGenerator[Result, None]:
        results = await _to_its_end(functools.partial(method, self.client, *args, **kwargs))
        try:
            take = functools.partial(next, results, None)
            while (result := await _to_its_end(take, results.stop)) is not None:
                yield result
        finally:
            await asyncio.to_thread(results.close)

    return iterate


class AsyncClient:
    """`Client` with methods to be awaited and results for `async for`.

        async with AsyncClient() as client:
            async for result in client.run([{"prompt": "Say hello."}]):
                print(result.response)

    Methods, arguments and errors are those of `Client`. A call that is cancelled ends first what
    it has started.
    """

    def __init__(self, config: Path | None = None, data_dir: Path | None = None) -> None:
        #: The client that does the work.
        self.client = Client(config, data_dir)

    submit = _awaited(Client.submit)
    status = _awaited(Client.status)
    cancel = _awaited(Client.cancel)
    retry = _awaited(Client.retry)
    pause = _awaited(Client.pause)
    resume = _awaited(Client.resume)
    backup = _awaited(Client.backup)
    results = _iterated(Client.results)
    run = _iterated(Client.run)

    async def wait(self, batch: str, on_progress: OnProgress | None = None) -> Status:
        """As `Client.wait`; `on_progress` is called on the event loop.

        For a time limit use `asyncio.timeout`: the batch is then as it was.
        """
        loop = asyncio.get_running_loop()
        stopped = threading.Event()

        def on_tick(status: Status) -> None:
            if stopped.is_set():
                raise _GivenUpError
            if on_progress is not None:
                loop.call_soon_threadsafe(on_progress, status)

        waiting = functools.partial(self.client.wait, batch, None, on_tick)
        return await _to_its_end(waiting, stopped.set)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.client.__enter__)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.client.__exit__, kind, error, trace)


async def _to_its_end(work: Callable[[], T], stop: Callable[[], None] = lambda: None) -> T:
    """What `work` returns on a thread. Cancelled, it asks it to stop and waits until it has.

    So nothing of ours runs on behind the back of a program that goes on without us.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([running])
        # Looked at, so that nobody is told that it never was.
        running.exception()
        raise


class _GivenUpError(Exception):
    """Whoever waited was cancelled."""
