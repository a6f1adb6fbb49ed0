"""One child with one model, as the front sees it, from its start to its end."""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec

from backends.base import ModelInfo, OnProgress
from backends.errors import BackendError, ParkBackendError, RefusedError, RetryLaterError
from backends.mlx.frames import (
    Cancel,
    Crashed,
    Generate,
    Load,
    Loaded,
    NotLoaded,
    Refused,
    Report,
    ToFront,
    encode,
)
from backends.mlx.inflight import InFlight
from backends.mlx.patience import load_limit_s, silence_limit_s
from backends.mlx.process import ChildProcess
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult

_log = logging.getLogger(__name__)


class EngineSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How children are started and how much patience they get."""

    command: tuple[str, ...]
    slots: int
    #: Where their standard error goes; None is ours.
    log_path: Path | None
    #: Seconds without a word, with rows in flight, after which a child counts as hung.
    silence_s: float


class RemoteEngine:
    """A child process with a model. Once it is over, a new one has to take its place."""

    def __init__(self, model: ModelInfo, setup: EngineSetup) -> None:
        loop = asyncio.get_running_loop()
        self.model = model
        self.rows = InFlight(model.name, loop.time)
        self._setup = setup
        self._process: ChildProcess | None = None
        self._loaded: asyncio.Future[None] = loop.create_future()
        self._is_loaded = False
        self._is_over = False
        self._has_spoken = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_ready(self) -> bool:
        """Whether the model is loaded and the child alive, as far as is known."""
        return self._is_loaded and not self._is_over

    @property
    def pid(self) -> int | None:
        """The child's process id; None before it is started."""
        return None if self._process is None else self._process.pid

    @property
    def _hint(self) -> str:
        log_path = self._setup.log_path
        return f" See the end of {log_path}." if log_path else ""

    async def start(self) -> None:
        """Start the process and load the model.

        Raises `RefusedError` if this model cannot be loaded at all, `ParkBackendError` if it
        cannot be loaded now.
        """
        setup, model = self._setup, self.model
        try:
            self._process = await ChildProcess.start(
                setup.command, setup.log_path, self._on_message, self._on_gone
            )
        except OSError as error:
            raise ParkBackendError(f"The engine's process cannot be started: {error}.") from error
        self._process.send(encode(Load(model.name, model.path, model.context, setup.slots)))
        limit_s = load_limit_s(model.size)
        try:
            await asyncio.wait_for(self._loaded, limit_s)
        except TimeoutError as error:
            raise ParkBackendError(
                f"{model.name} was not loaded within {limit_s:.0f} s.{self._hint}"
            ) from error
        self._is_loaded = True
        self._in_background(self._watch())

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        """One answer; raises `BackendError`."""
        if self._process is None or not self.is_ready:
            raise RetryLaterError("The engine is being replaced.", after_s=0)
        row_id, answer = self.rows.add(on_progress)
        try:
            self._process.send(encode(Generate(row_id, request)))
            return await answer
        except UnicodeEncodeError as error:
            self.rows.drop(row_id)
            raise RefusedError(
                "The prompt is not Unicode text. Take out the half of a surrogate pair.",
                ErrorCode.UNSTORABLE_TEXT,
            ) from error
        except asyncio.CancelledError:
            self._process.send(encode(Cancel(row_id)))
            raise

    async def end(self) -> None:
        """Kill the child and wait until nothing is left of it. May be called twice."""
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        self._settle_loading(ParkBackendError("The engine was closed while it was loading."))
        self.rows.fail_all(lambda: ParkBackendError("The engine was closed with jobs in flight."))
        if self._process is not None:
            await self._process.end()

    def _on_message(self, message: ToFront) -> None:
        self._has_spoken = True
        match message:
            case Report():
                self.rows.take(message)
            case Refused():
                self.rows.fail(message.id, RefusedError(message.message, message.code))
            case Crashed():
                self.rows.crash(f"A step of the engine failed: {message.message}", message.ids)
            case Loaded():
                self._settle_loading(None)
            case NotLoaded():
                text = f"{self.model.name} cannot be loaded: {message.message}"
                self._settle_loading(
                    RefusedError(f"{text}. Choose another, or repair {self.model.path}.")
                    if message.is_lasting
                    else ParkBackendError(text)
                )

    def _on_gone(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._in_background(self._bury("died"))

    async def _watch(self) -> None:
        """Kill a child that says nothing for too long while it has something to do.

        Time is counted in ticks of sleep, so that a machine that slept, or an event loop that
        was held up, cannot make a healthy child look silent.
        """
        limit_s = silence_limit_s(self._setup.silence_s, self.model.size)
        tick_s = limit_s / 8
        silent_s = 0.0
        while silent_s < limit_s:
            await asyncio.sleep(tick_s)
            silent_s = 0.0 if self._has_spoken or not self.rows else silent_s + tick_s
            self._has_spoken = False
        self._is_over = True
        await self._bury(f"gave no sign of life for {limit_s:.0f} s and was stopped")

    async def _bury(self, cause: str) -> None:
        status = "not started"
        try:
            if self._process is not None:
                status = await self._process.end()
        finally:
            message = f"The engine with {self.model.name} {cause} ({status}).{self._hint}"
            _log.error(message, extra={"action": "engine_lost"})
            self._settle_loading(ParkBackendError(message))
            self.rows.crash(message)

    def _settle_loading(self, error: BackendError | None) -> None:
        if self._loaded.done():
            return
        if error is None:
            self._loaded.set_result(None)
        else:
            self._loaded.set_exception(error)
            # Looked at, so that asyncio does not complain where nobody waits any more.
            self._loaded.exception()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
