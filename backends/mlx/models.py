"""Which models there are: folders in mlx-lm's format, found without loading any."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from backends.base import ModelInfo

DEMO_NAME = "demo"
#: The model that Nightmill ships, to try things out.
DEMO_FOLDER = Path(__file__).parent / "demo"


class SkippedFolder(msgspec.Struct, frozen=True):
    """A folder that looks like a model, but cannot be one."""

    path: str
    #: A sentence for the user.
    reason: str


class FoundModels(msgspec.Struct, frozen=True):
    """What is in the model folders."""

    models: tuple[ModelInfo, ...]
    skipped: tuple[SkippedFolder, ...]


class _BrokenFolderError(Exception):
    """Its message says what is wrong with the folder and what to do."""


_Seen = Iterator[ModelInfo | SkippedFolder]


def default_models_dir() -> Path:
    """`~/mlx-models`."""
    return Path.home() / "mlx-models"


def scan_models(models_dir: Path, demo: Path = DEMO_FOLDER) -> FoundModels:
    """The demo model and all models in `models_dir`, by name: `name` or `org/name`.

    A broken one is reported and costs the others nothing; a `models_dir` that is not there holds
    no models.
    """
    seen = [*_see_demo(demo), *_see_all(models_dir)]
    return FoundModels(
        tuple(item for item in seen if isinstance(item, ModelInfo)),
        tuple(item for item in seen if isinstance(item, SkippedFolder)),
    )


def _see_demo(demo: Path) -> _Seen:
    for item in _see(demo, DEMO_NAME) if demo.is_dir() else ():
        is_model = isinstance(item, ModelInfo)
        yield msgspec.structs.replace(item, is_demo=True) if is_model else item


def _see_all(models_dir: Path) -> _Seen:
    try:
        folders = _folders_in(models_dir)
    except FileNotFoundError:
        return
    except OSError as error:
        yield SkippedFolder(str(models_dir), f"It cannot be read: {error.strerror}.")
        return
    for folder in folders:
        if folder.name == DEMO_NAME:
            yield SkippedFolder(str(folder), "This name is taken: rename the folder.")
        else:
            yield from _see(folder, folder.name)


def _see(folder: Path, name: str) -> _Seen:
    """What a folder is: a model, or an organisation's folder with models in it."""
    if not name.isprintable():
        yield SkippedFolder(ascii(str(folder)), "Its name is no readable text: rename it.")
        return
    try:
        if _looks_like_model(folder):
            yield _read_model(folder, name)
        elif "/" not in name:
            for inner in _folders_in(folder):
                yield from _see(inner, f"{name}/{inner.name}")
    except _BrokenFolderError as error:
        yield SkippedFolder(str(folder), str(error))
    except OSError as error:
        yield SkippedFolder(str(folder), f"It cannot be read: {error.strerror}.")


def _folders_in(folder: Path) -> list[Path]:
    return sorted(
        entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def _looks_like_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() or any(folder.glob("*.safetensors"))


def _read_model(folder: Path, name: str) -> ModelInfo:
    config = _read_json(folder / "config.json")
    if not (folder / "tokenizer.json").is_file():
        raise _BrokenFolderError("It has no tokenizer.json: download the model again.")
    return ModelInfo(
        name=name,
        size=sum(path.stat().st_size for path in _weight_files(folder)),
        context=_context(config),
        is_strict=True,
        quantization=_quantization(config),
        path=str(folder),
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise _BrokenFolderError(f"It has no {path.name}: download the model again.") from None
    except (ValueError, RecursionError):
        raise _BrokenFolderError(f"Its {path.name} is not JSON: download it again.") from None
    if not isinstance(value, dict):
        raise _BrokenFolderError(f"Its {path.name} is no JSON object: download it again.")
    return value


def _weight_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise _BrokenFolderError("It has no model*.safetensors: download the model again.")
    missing = sorted(_indexed_files(folder) - {path.name for path in files})
    if missing:
        raise _BrokenFolderError(
            f"{len(missing)} of its weight files are missing, such as {missing[0]}: "
            "finish the download."
        )
    return files


def _indexed_files(folder: Path) -> set[str]:
    """The weight files that the index names; none without an index."""
    path = folder / "model.safetensors.index.json"
    if not path.is_file():
        return set()
    weights = _read_json(path).get("weight_map")
    if not isinstance(weights, dict):
        raise _BrokenFolderError(f"Its {path.name} has no weight_map: download it again.")
    return {str(file) for file in weights.values()}


def _context(config: dict[str, Any]) -> int:
    """Tokens by the config, which keeps them one level down for models that also see or hear."""
    for place in (config, config.get("text_config")):
        tokens = place.get("max_position_embeddings") if isinstance(place, dict) else None
        if isinstance(tokens, int):
            return tokens
    return 0


def _quantization(config: dict[str, Any]) -> str:
    for key in ("quantization", "quantization_config"):
        settings = config.get(key)
        if isinstance(settings, dict) and isinstance(settings.get("bits"), int):
            return f"{settings['bits']}-bit"
    kind = config.get("torch_dtype") or config.get("dtype")
    return kind if isinstance(kind, str) else ""
