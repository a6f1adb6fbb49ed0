"""How an answer is sampled: the fields of a line that are honoured, and the flags over them.

Honoured: `max_tokens` (also as `max_completion_tokens`), `temperature`, `top_p`, `seed`, `stop`,
`response_format`.
Ignored, since they change no answer: `user`, `metadata`, `store`. Others pass only with the value
that means nothing (`n: 1`, `stream: false` …); null is the same as leaving a field out.
"""

import json
from collections.abc import Callable, Container, Mapping
from typing import Any

import msgspec

from jobs.codes import ErrorCode
from jobs.errors import RowError
from producer.messages import shown
from producer.response_format import read_response_format

IGNORED = frozenset({"user", "metadata", "store"})

#: The values, as JSON, with which a parameter that is not honoured changes nothing.
WITHOUT_EFFECT: dict[str, tuple[bytes, ...]] = {
    "n": (b"1",),
    "stream": (b"false",),
    "logprobs": (b"false",),
    "frequency_penalty": (b"0", b"0.0"),
    "presence_penalty": (b"0", b"0.0"),
}

_MAX_TOKENS = 2**31 - 1
_MAX_SEED = 2**63 - 1
_MAX_STOPS = 16


def read_sampling(fields: Mapping[str, Any], overridden: Container[str]) -> dict[str, Any]:
    """The sampling fields of a `GenerationRequest` that a line sets, checked.

    Those in `overridden` are left out unjudged: a flag takes their place. Raises `RowError`.
    """
    sampling: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None or name in IGNORED:
            continue
        if name not in FIELDS:
            _refuse_effect(name, value)
            continue
        field, read = FIELDS[name]
        if field in overridden:
            continue
        try:
            checked = read(value)
        except ValueError as error:
            raise RowError(ErrorCode.INVALID_PARAMETER, f"`{name}` must be {error}.") from None
        if sampling.setdefault(field, checked) != checked:
            detail = "`max_tokens` and `max_completion_tokens` differ."
            raise RowError(ErrorCode.INVALID_PARAMETER, detail)
    return sampling


def _refuse_effect(name: str, value: Any) -> None:
    if msgspec.json.encode(value) not in WITHOUT_EFFECT.get(name, ()):
        detail = f"It is `{shown(name)}`."
        if name in WITHOUT_EFFECT:
            accepted = WITHOUT_EFFECT[name][0].decode()
            detail = f"It is `{name}`, of which only {accepted} is accepted."
        raise RowError(ErrorCode.UNSUPPORTED_PARAMETER, detail)


def _max_tokens(value: Any) -> int:
    if type(value) is int and 1 <= value <= _MAX_TOKENS:
        return value
    raise ValueError(f"a whole number from 1, not {_shown(value)}")


def _temperature(value: Any) -> float:
    if type(value) in (int, float) and 0 <= value <= 2:  # noqa: PLR2004  (OpenAI's range)
        return float(value)
    raise ValueError(f"a number from 0 to 2, not {_shown(value)}")


def _top_p(value: Any) -> float:
    if type(value) in (int, float) and 0 < value <= 1:
        return float(value)
    raise ValueError(f"a number above 0 and up to 1, not {_shown(value)}")


def _seed(value: Any) -> int:
    if type(value) is int and -_MAX_SEED <= value <= _MAX_SEED:
        return value
    raise ValueError(f"a whole number of 64 bits, not {_shown(value)}")


def _stop(value: Any) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else value
    is_right = isinstance(texts, list | tuple) and len(texts) <= _MAX_STOPS
    if is_right and all(isinstance(text, str) and text for text in texts):
        return tuple(texts)
    raise ValueError(f"a text or a list of up to {_MAX_STOPS} texts, none of them empty")


def _shown(value: Any) -> str:
    return shown(json.dumps(value, ensure_ascii=False))


#: For each honoured name: the field of `GenerationRequest` it sets, and what reads its value.
FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "max_tokens": ("max_tokens", _max_tokens),
    "max_completion_tokens": ("max_tokens", _max_tokens),
    "temperature": ("temperature", _temperature),
    "top_p": ("top_p", _top_p),
    "seed": ("seed", _seed),
    "stop": ("stop", _stop),
    "response_format": ("schema", read_response_format),
}
