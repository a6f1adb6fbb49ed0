"""The pools of this machine: what generates in each, and which models it has."""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from backends.base import Backend, ModelInfo
from backends.watch import Timeouts
from jobs.settings import Settings
from jobs.settings_pools import PoolSettings
from nightmill.aside import run_aside

if TYPE_CHECKING:
    from backends.ollama.backend import OllamaBackend

NO_MLX = "mlx-lm is not installed; install it with: uv tool install 'nightmill[mlx]'"


@dataclass(frozen=True, kw_only=True)
class PoolModels:
    """What was found in one pool."""

    pool: str
    backend: str
    models: tuple[ModelInfo, ...] = ()
    #: Names of those that are known to be in memory now.
    loaded: tuple[str, ...] = ()
    #: The folder in which models were looked for, or the server that was asked; else empty.
    place: str = ""
    #: Whether nobody configured the pool: its server was found on this machine.
    is_found: bool = False
    #: Sentences on what is there and cannot be used.
    notes: tuple[str, ...] = ()


def find_models(settings: Settings) -> tuple[PoolModels, ...]:
    """The models of every pool, without loading any."""
    return tuple(
        replace(_find(name, pool), is_found=name in settings.found)
        for name, pool in settings.pools.items()
    )


def backend_of(pool: PoolSettings, engine_log: Path) -> Backend:
    """What generates in a pool; `engine_log` is for what its engine prints."""
    match pool.backend:
        case "fake":
            from backends.fake import FakeBackend

            return FakeBackend(slots=pool.slots_or_default)
        case "null":
            from backends.null import NullBackend

            return NullBackend(slots=pool.slots_or_default)
        case "ollama":
            return _ollama(pool)
        case "openai":
            from backends.openai_compatible.backend import OpenAiBackend

            return OpenAiBackend(
                pool.server_url,
                slots=pool.slots_or_default,
                timeouts=timeouts_of(pool),
                key=pool.key,
            )
        case "mlx":
            from backends.mlx.front import MlxBackend

            return MlxBackend(
                models_dir=pool.models_dir, slots=pool.slots_or_default, log_path=engine_log
            )


def _ollama(pool: PoolSettings) -> "OllamaBackend":
    from backends.ollama.backend import OllamaBackend

    return OllamaBackend(
        pool.server_url,
        slots=pool.slots_or_default,
        timeouts=timeouts_of(pool),
        key=pool.key,
        num_ctx=pool.num_ctx,
    )


def timeouts_of(pool: PoolSettings) -> Timeouts:
    """How long a pool waits for its server."""
    return Timeouts(
        connect_s=pool.connect_s,
        first_s=pool.first_token_s,
        between_s=pool.between_tokens_s,
        total_s=pool.total_s,
    )


def _find(name: str, pool: PoolSettings) -> PoolModels:
    match pool.backend:
        case "fake":
            from backends.fake import FAKE_MODEL

            return PoolModels(pool=name, backend="fake", models=(FAKE_MODEL,))
        case "null":
            from backends.null import NULL_MODEL

            return PoolModels(pool=name, backend="null", models=(NULL_MODEL,))
        case "ollama":
            return run_aside(_find_ollama(name, pool))
        case "openai":
            return run_aside(_find_openai(name, pool))
        case "mlx":
            return _find_mlx(name, pool)


async def _find_ollama(name: str, pool: PoolSettings) -> PoolModels:
    from backends.errors import BackendError

    backend = _ollama(pool)
    models: tuple[ModelInfo, ...] = ()
    loaded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    try:
        found = await backend.look()
        models, loaded = found.models, found.loaded
    except BackendError as error:
        notes = (str(error),)
    finally:
        await backend.close()
    if backend.remote_models:
        notes = (
            *notes,
            f"not used, as other machines run them: {', '.join(backend.remote_models)}",
        )
    return PoolModels(
        pool=name,
        backend="ollama",
        models=models,
        loaded=loaded,
        place=pool.server_url,
        notes=notes,
    )


async def _find_openai(name: str, pool: PoolSettings) -> PoolModels:
    from backends.errors import BackendError
    from backends.openai_compatible.backend import server_of
    from backends.openai_compatible.models import list_models

    server = server_of(
        pool.server_url, slots=pool.slots_or_default, timeouts=timeouts_of(pool), key=pool.key
    )
    await server.open()
    models: tuple[ModelInfo, ...] = ()
    notes: tuple[str, ...] = ()
    try:
        models = await list_models(server)
    except BackendError as error:
        notes = (str(error),)
    finally:
        await server.close()
    return PoolModels(
        pool=name, backend="openai", models=models, place=pool.server_url, notes=notes
    )


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
