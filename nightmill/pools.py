"""The pools of this machine: what generates in each, and which models it has."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from backends.base import Backend, ModelInfo
from jobs.settings import PoolSettings, Settings

NO_MLX = "mlx-lm is not installed; install it with: uv tool install 'nightmill[mlx]'"


@dataclass(frozen=True, kw_only=True)
class PoolModels:
    """What was found in one pool."""

    pool: str
    backend: str
    models: tuple[ModelInfo, ...] = ()
    #: Names of those that are known to be in memory now.
    loaded: tuple[str, ...] = ()
    #: The folder in which models were looked for; empty where there is none to look in.
    place: str = ""
    #: Sentences on what is there and cannot be used.
    notes: tuple[str, ...] = ()


def find_models(settings: Settings) -> tuple[PoolModels, ...]:
    """The models of every pool, without loading any."""
    return tuple(_find(name, pool) for name, pool in settings.pools.items())


def backend_of(pool: PoolSettings, engine_log: Path) -> Backend:
    """What generates in a pool; `engine_log` is for what its engine prints."""
    match pool.backend:
        case "fake":
            from backends.fake import FakeBackend

            return FakeBackend(slots=pool.slots_or_default)
        case "null":
            from backends.null import NullBackend

            return NullBackend(slots=pool.slots_or_default)
        case "mlx":
            from backends.mlx.front import MlxBackend

            return MlxBackend(
                models_dir=pool.models_dir, slots=pool.slots_or_default, log_path=engine_log
            )


def _find(name: str, pool: PoolSettings) -> PoolModels:
    match pool.backend:
        case "fake":
            from backends.fake import FAKE_MODEL

            return PoolModels(pool=name, backend="fake", models=(FAKE_MODEL,))
        case "null":
            from backends.null import NULL_MODEL

            return PoolModels(pool=name, backend="null", models=(NULL_MODEL,))
        case "mlx":
            return _find_mlx(name, pool)


def _find_mlx(name: str, pool: PoolSettings) -> PoolModels:
    from backends.mlx.models import default_models_dir, scan_models

    folder = pool.models_dir or default_models_dir()
    if importlib.util.find_spec("mlx_lm") is None:
        return PoolModels(pool=name, backend="mlx", place=str(folder), notes=(NO_MLX,))
    found = scan_models(folder)
    return PoolModels(
        pool=name,
        backend="mlx",
        models=found.models,
        place=str(folder),
        notes=tuple(f"{skipped.path}: {skipped.reason}" for skipped in found.skipped),
    )
