"""The one engine there is at a time: started when needed, replaced when over or of no use."""

import asyncio
import os
from pathlib import Path

from backends.base import ModelInfo
from backends.errors import ParkBackendError
from backends.mlx.remote import EngineSetup, RemoteEngine
from jobs.folders import make_private
from jobs.locks import FileLock

#: Bytes of weights from which on a machine is taken to have room for one model only.
BIG_MODEL = 1_000_000_000


def engine_lock_path() -> Path:
    """The lock for big models that all processes of this user share.

    Not in the temporary folder of the environment: a login and a service may have different ones.
    """
    return Path(f"/tmp/nightmill-{os.getuid()}/engine.lock")  # noqa: S108  (see above)


class EngineKeeper:
    """Hands out an engine with the model asked for. Never has two children at once."""

    def __init__(self, setup: EngineSetup, lock_path: Path) -> None:
        self._setup = setup
        self._lock = FileLock(lock_path)
        self._engine: RemoteEngine | None = None
        self._starting: asyncio.Task[RemoteEngine] | None = None
        self._wanted: ModelInfo | None = None
        self._is_closed = False

    @property
    def ready(self) -> RemoteEngine | None:
        """The engine that could take a job at once."""
        return self._engine if self._engine is not None and self._engine.is_ready else None

    async def engine_with(self, model: ModelInfo) -> RemoteEngine:
        """An engine that has loaded `model`; all who ask while it loads wait for the same one.

        Jobs in flight with another model are lost: let them end first. Raises `RefusedError` or
        `ParkBackendError` when the model cannot be loaded.
        """
        while self._starting is not None and self._wanted != model:
            await asyncio.wait([self._starting])
        ready = self.ready
        if self._starting is None and ready is not None and ready.model == model:
            return ready
        # One who is cancelled must not take the engine from the others who wait.
        return await asyncio.shield(self._starting or self._begin(model))

    async def rest(self) -> None:
        """End the child, if there is one, and give the lock back; the next job starts another."""
        if self._starting is not None:
            # Begun for a job that was broken off since.
            self._starting.cancel()
            await asyncio.wait([self._starting])
        engine = self._engine
        if engine is None:
            return
        try:
            await engine.end()
        finally:
            if self._starting is None and self._engine is engine:
                # Else a job came meanwhile, and the lock is for what it asked for.
                self._lock.release()

    async def close(self) -> None:
        """End the child, if there is one, and give the lock back. May be called twice."""
        self._is_closed = True
        try:
            if self._engine is not None:
                await self._engine.end()
            if self._starting is not None:
                await asyncio.wait([self._starting])
        finally:
            self._lock.release()

    def _begin(self, model: ModelInfo) -> "asyncio.Task[RemoteEngine]":
        self._wanted = model
        self._starting = asyncio.create_task(self._replace(model))
        self._starting.add_done_callback(self._on_started)
        return self._starting

    def _on_started(self, task: "asyncio.Task[RemoteEngine]") -> None:
        self._starting = None
        if not task.cancelled():
            # All who waited may have been cancelled; then nobody looks at the error.
            task.exception()

    async def _replace(self, model: ModelInfo) -> RemoteEngine:
        if self._engine is not None:
            await self._engine.end()
        self._lock.release()
        if self._is_closed:
            raise ParkBackendError("The backend was closed.")
        if model.size >= BIG_MODEL:
            self._take_lock(model)
        engine = self._engine = RemoteEngine(model, self._setup)
        try:
            await engine.start()
        except BaseException:
            await engine.end()
            self._lock.release()
            raise
        return engine

    def _take_lock(self, model: ModelInfo) -> None:
        try:
            make_private(self._lock.path.parent)
            is_ours = self._lock.try_acquire()
        except OSError as error:
            raise ParkBackendError(
                f"The lock for big models cannot be taken: {error}. Mend that, or use a model "
                "under 1 GB."
            ) from error
        if not is_ours:
            raise ParkBackendError(
                f"Another process has a big model in memory ({self._lock.read_note()}). "
                "Wait until it is done, or use a model under 1 GB.",
                for_s=30,
            )
        self._lock.note(f"process {os.getpid()} with {model.name}")
