"""What `tags` and `show` tell of a model, as the rest of Nightmill wants to know it."""

from typing import Any

import msgspec

from backends.base import ModelInfo
from backends.ollama.thinking import is_held_late
from backends.ollama.wire import Shown, Tag
from jobs.model import Endpoint

#: What a request may ask for, by the capability that it takes.
_ENDPOINTS: tuple[tuple[str, Endpoint], ...] = (
    ("completion", "chat"),
    ("embedding", "embeddings"),
)
_DEFAULT = ("completion",)
_PARSER = "PARSER "
#: Ollama's word for a quantization that it cannot tell.
_UNKNOWN = "unknown"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A model that an Ollama runs itself."""

    #: As Ollama lists it, with its tag.
    name: str
    #: Changes when the name comes to stand for something else.
    digest: str
    info: ModelInfo
    #: Such as `qwen3`.
    family: str
    can_think: bool
    #: Whether its answers are held to a schema only when thoughts have ended.
    is_held_late: bool
    #: Texts that end its answers, by its Modelfile; a request's own would replace them.
    stops: tuple[str, ...]


def known_of(tag: Tag, shown: Shown, version: str) -> Known:
    """Put both accounts of a model together, as an Ollama of that version gives them."""
    capabilities = _DEFAULT if shown.capabilities is None else tuple(shown.capabilities)
    details = shown.details if shown.details.family else tag.details
    return Known(
        name=tag.name,
        digest=tag.digest,
        info=ModelInfo(
            name=tag.name,
            size=tag.size,
            context=_context(shown.model_info or {}),
            quantization=details.quantization_level.replace(_UNKNOWN, ""),
            endpoints=tuple(name for needs, name in _ENDPOINTS if needs in capabilities),
        ),
        family=details.family,
        can_think="thinking" in capabilities,
        is_held_late=is_held_late(version, parser_of(shown.modelfile)),
        stops=stops_of(shown.parameters),
    )


def stops_of(parameters: str) -> tuple[str, ...]:
    """The stop texts in the text of a model's parameters: one `stop "…"` a line."""
    stops = []
    for line in parameters.splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "stop":
            stops.append(_unquoted(value.strip()))
    return tuple(stop for stop in stops if stop)


def parser_of(modelfile: str) -> str:
    """What is built in to read a model's answers, by the text it could be made from again."""
    lines = modelfile.splitlines()
    return next((line[len(_PARSER) :].strip() for line in lines if line.startswith(_PARSER)), "")


def _unquoted(value: str) -> str:
    try:
        return msgspec.json.decode(value, type=str)
    except ValueError:
        return value


def _context(model_info: dict[str, Any]) -> int:
    """The model's own limit, which is listed under the name of its architecture."""
    named = f"{model_info.get('general.architecture', '')}.context_length"
    others = (value for key, value in model_info.items() if key.endswith(".context_length"))
    found = model_info.get(named) or next(others, 0)
    return found if isinstance(found, int) else 0
