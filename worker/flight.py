"""One attempt under way, and the ways in which it can be broken off from outside."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any, TypeVar

from backends.errors import RetryNowError
from jobs.model import Claimed

_Answer = TypeVar("_Answer")


class Abort(Enum):
    """Why an attempt is broken off."""

    #: The job ended or went elsewhere: nothing is recorded.
    LOST = auto()
    #: The host stops: the job is given back.
    HANDED_BACK = auto()


class AbortedError(Exception):
    """The attempt was broken off; `why` says what becomes of the job."""

    def __init__(self, why: Abort) -> None:
        super().__init__(why.name)
        self.why = why


class Flight:
    """A job from its claim to its record. It can be aborted until its answer is there."""

    def __init__(self, job: Claimed, *, is_alone: bool = False) -> None:
        self.job = job
        #: Whether the host does nothing else meanwhile.
        self.is_alone = is_alone
        self._abort: Abort | None = None
        self._generating: asyncio.Task[Any] | None = None

    def abort(self, why: Abort) -> None:
        """Break the generation off; an answer that is being recorded is left alone."""
        # A job that was lost stays lost when the host begins to hand back.
        self._abort = self._abort or why
        if self._generating is not None:
            self._generating.cancel()

    async def generate(self, generate: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The backend's answer; raises `AbortedError` when it was broken off."""
        if self._abort is not None:
            raise AbortedError(self._abort)
        self._generating = task = asyncio.current_task()
        try:
            return await generate()
        except asyncio.CancelledError:
            if self._abort is not None:
                raise AbortedError(self._abort) from None
            if task is not None and task.cancelling():
                raise
            raise RetryNowError("The backend broke the generation off by itself.") from None
        finally:
            self._generating = None
