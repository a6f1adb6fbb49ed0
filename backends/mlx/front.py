"""The backend for mlx-lm's models: finds them, and answers with a child process."""

import asyncio
import importlib.util
import logging
from pathlib import Path

from backends.base import Capabilities, Health, ModelInfo, OnProgress
from backends.errors import ParkBackendError, RefusedError
from backends.mlx.gate import ModelGate
from backends.mlx.keeper import EngineKeeper, engine_lock_path
from backends.mlx.models import default_models_dir, scan_models
from backends.mlx.process import CHILD_COMMAND
from backends.mlx.remote import EngineSetup
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult

_log = logging.getLogger(__name__)


class MlxBackend:
    """Answers with the models in `models_dir` and the packaged demo model.

    A child process is started for the first job, replaced when it dies or hangs, and replaced by
    one with another model when jobs ask for it; jobs of different models take turns.

    Args:
        models_dir: Where models are looked for; None is `~/mlx-models`.
        slots: Jobs that are generated at once.
        log_path: File for what children print; None is standard error.
        lock_path: The lock that lets only one big model of this machine be in memory.
        silence_s: Seconds that a child with work may say nothing before it counts as hung.
        command: How a child is started.
    """

    def __init__(
        self,
        *,
        models_dir: Path | None = None,
        slots: int = 32,
        log_path: Path | None = None,
        lock_path: Path | None = None,
        silence_s: float = 60.0,
        command: tuple[str, ...] = CHILD_COMMAND,
    ) -> None:
        self._models_dir = default_models_dir() if models_dir is None else models_dir
        self._setup = EngineSetup(
            command=command, slots=slots, log_path=log_path, silence_s=silence_s
        )
        self._lock_path = engine_lock_path() if lock_path is None else lock_path
        self._gate = ModelGate()
        self._models: dict[str, ModelInfo] = {}
        self._keeper: EngineKeeper | None = None

    async def open(self) -> Capabilities:
        """Look for models; raises `ParkBackendError` where mlx-lm is not installed."""
        if importlib.util.find_spec("mlx_lm") is None:
            raise ParkBackendError("mlx-lm is not installed: install `nightmill[mlx]`.")
        await self._look_for_models()
        if self._keeper is None:
            self._keeper = EngineKeeper(self._setup, self._lock_path)
        ready = self._keeper.ready
        return Capabilities(
            models=tuple(self._models.values()),
            loaded=(ready.model.name,) if ready else (),
            slots=self._setup.slots,
            may_leave_machine=False,
        )

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        """Generate one answer, after the jobs of other models that came before."""
        if request.endpoint != "chat":
            raise RefusedError(
                f"{request.model} answers chats and makes no {request.endpoint}.",
                ErrorCode.UNSUPPORTED_ENDPOINT,
            )
        self._open_keeper()
        model = await self._find(request.model)
        async with self._gate.hold(model.name):
            engine = await self._open_keeper().engine_with(model)
            return await engine.generate(request, on_progress)

    async def rest(self) -> None:
        """End the child, and with it all that its model takes."""
        if self._keeper is not None:
            await self._keeper.rest()

    async def health(self) -> Health:
        """Say whether tokens flow. Without a model in memory all is well: a job loads one."""
        if self._keeper is None:
            return Health(is_well=False, detail="closed")
        ready = self._keeper.ready
        if ready is None:
            return Health(is_well=True, detail="no model in memory")
        detail = f"{len(ready.rows)} jobs in flight with {ready.model.name}"
        return Health(is_well=True, detail=detail, silent_s=ready.rows.silent_s)

    async def close(self) -> None:
        """End the child; jobs in flight get a `ParkBackendError`."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await keeper.close()

    def _open_keeper(self) -> EngineKeeper:
        if self._keeper is None:
            raise ParkBackendError("The backend is closed: open it first.")
        return self._keeper

    async def _find(self, name: str) -> ModelInfo:
        """The model of this name, also if it has only just been put into the folder."""
        if name not in self._models:
            await self._look_for_models()
        if name not in self._models:
            raise RefusedError(
                f"There is no model {name} in {self._models_dir}. "
                "Put it there, or choose one of `nightmill models`.",
                ErrorCode.UNKNOWN_MODEL,
            )
        return self._models[name]

    async def _look_for_models(self) -> None:
        found = await asyncio.to_thread(scan_models, self._models_dir)
        self._models = {model.name: model for model in found.models}
        for folder in found.skipped:
            _log.warning(
                "Skipped %s: %s", folder.path, folder.reason, extra={"action": "model_skipped"}
            )
