"""An event loop in a thread of its own, used from other threads."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class LoopThread:
    """The one loop on which all jobs of a host run."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="jobs", daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, _Result]) -> "Future[_Result]":
        """Start `work` on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run `work` on the loop and wait for its result."""
        return self.begin(work).result()

    def call(self, function: Callable[[], object]) -> None:
        """Let the loop call `function` soon. May be called in a signal handler."""
        self.loop.call_soon_threadsafe(function)

    def end(self) -> None:
        """Cancel what still runs and end the thread."""
        self.run(_cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
