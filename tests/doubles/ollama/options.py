"""Reading a request as Ollama does: what it refuses, what it drops, what it makes of nothing."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.ollama import says

THINK_LEVELS = ("low", "medium", "high", "max")
DEFAULT_NUM_CTX = 4096
DEFAULT_NUM_BATCH = 2048
NUM_KEEP = 4
_WHOLE = ("num_ctx", "num_predict", "seed", "top_k", "num_keep", "num_batch", "num_gpu")
_NUMBERS = ("temperature", "top_p", "min_p", "repeat_penalty")
_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Options:
    """The options of a request that the double acts on."""

    num_ctx: int = DEFAULT_NUM_CTX
    #: What llama-server reads of a text to embed, at most.
    num_batch: int = DEFAULT_NUM_BATCH
    #: Negative: ten times the window.
    num_predict: int = -1
    stop: tuple[str, ...] = ()
    #: Names that no Ollama knows: only its log says so.
    unknown: tuple[str, ...] = field(default=())


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request."""
    if not body:
        raise says.error(400, "missing request body")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise says.error(400, f"invalid character in request: {error}") from error
    if not isinstance(value, dict):
        raise says.error(400, "json: cannot unmarshal into Go value of type api.ChatRequest")
    return value


def read_options(given: dict[str, Any] | None) -> Options:
    """The options; a wrong type is an error, an unknown name is not."""
    given = given or {}
    for name, value in given.items():
        if name in _WHOLE and not _is_whole(value):
            raise says.error(500, f'option "{name}" must be of type integer')
        if name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise says.error(500, f'option "{name}" must be of type float32')
        if name == "stop" and not isinstance(value, list):
            raise says.error(500, 'option "stop" must be of type array')
    return Options(
        num_ctx=given.get("num_ctx", DEFAULT_NUM_CTX),
        num_batch=given.get("num_batch", DEFAULT_NUM_BATCH),
        num_predict=given.get("num_predict", -1),
        stop=tuple(given.get("stop", ())),
        unknown=tuple(given.keys() - {*_WHOLE, *_NUMBERS, "stop"}),
    )


def read_think(given: object, capabilities: tuple[str, ...], name: str) -> bool:
    """Whether the model thinks before it answers; unset means that it does if it can."""
    can = "thinking" in capabilities
    if given is None:
        return can
    if given and not can:
        raise says.error(400, f'"{name}" does not support thinking')
    return bool(given)


def require_think(given: object) -> None:
    """Refuse what is no way to think, before anything else is looked at."""
    ways = '"high", "medium", "low", true, or false'
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        raise says.error(400, f"think must be a boolean or string ({ways})")
    if isinstance(given, str) and given not in THINK_LEVELS:
        raise says.error(400, f'invalid think value: "{given}" (must be {ways})')


def read_format(given: object, engine: str) -> dict[str, Any] | None:
    """The schema that the answer has to fit; an empty one is any JSON."""
    if given is None or given == "":
        return None
    if given == "json":
        return {}
    if isinstance(given, dict):
        kind = given.get("type", "object")
        if isinstance(kind, str) and kind not in _TYPES:
            raise says.no_grammar(engine)
        return given
    raw = json.dumps(json.dumps(given))
    raise says.error(500, f'invalid format: {raw}; expected "json" or a valid JSON Schema object')


def read_keep_alive(given: object) -> float | None:
    """Seconds; negative is for ever, None is what the daemon is set to."""
    if given is None:
        return None
    if isinstance(given, (int, float)):
        return float(given)
    text = str(given)
    for unit, seconds in _UNITS.items():
        if text.endswith(unit) and text.removesuffix(unit).lstrip("-").isdecimal():
            return float(text.removesuffix(unit)) * seconds
    raise says.error(400, f'time: invalid duration "{text}"')


def _is_whole(value: object) -> bool:
    # What is behind the point is dropped in silence.
    return not isinstance(value, bool) and isinstance(value, (int, float))
