"""The form that an answer is asked for in: OpenAI's `response_format`, a schema, or some words."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from jobs.codes import ErrorCode
from jobs.errors import RowError, UsageError
from jobs.schemas.faults import checked_schema
from jobs.schemas.library import SchemaFaultError
from producer.decode import kind_of
from producer.messages import shown

#: `strict` changes nothing: an answer is held to its schema either way.
_ABOUT_SCHEMA = frozenset({"name", "description", "schema", "strict"})

#: Lines of a file mostly have the same schema, which may be large: few are remembered.
_REMEMBERED = 16

_encode = msgspec.json.Encoder().encode


def read_response_format(value: Any) -> dict[str, Any] | None:
    """The schema that a `response_format` asks for; None for plain text. Raises `RowError`."""
    match value:
        case {"type": "text", **more}:
            _refuse_more("response_format", more)
            return None
        case {"type": "json_object", **more}:
            _refuse_more("response_format", more)
            return {"type": "object"}
        case {"type": "json_schema", "json_schema": dict(about), **more}:
            _refuse_more("response_format", more)
            _refuse_more(
                "response_format.json_schema",
                {name: each for name, each in about.items() if name not in _ABOUT_SCHEMA},
            )
            return _checked(about.get("schema"))
    raise RowError(
        ErrorCode.INVALID_SCHEMA,
        '`response_format` must be {"type": "json_schema", "json_schema": {"schema": …}},'
        ' {"type": "json_object"} or {"type": "text"}.',
    )


def schema_of_words(text: str) -> dict[str, Any]:
    """The schema for an answer that is one of these words, with commas between them.

    Raises `UsageError` unless they are two or more, and all different.
    """
    words = [word.strip() for word in text.split(",")]
    if len(words) < 2 or "" in words:  # noqa: PLR2004  (one choice is none)
        raise UsageError("--choices must be two or more words with commas between, such as a,b,c.")
    if len(set(words)) < len(words):
        twice = next(word for word in words if words.count(word) > 1)
        raise UsageError(f"--choices has {shown(twice)} twice. Name each word once.")
    return {"type": "string", "enum": words}


def _refuse_more(place: str, more: Mapping[Any, Any]) -> None:
    for name, value in more.items():
        if value is not None:
            raise RowError(ErrorCode.UNSUPPORTED_PARAMETER, f"It is `{place}.{shown(name)}`.")


def _checked(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict):
        found = "missing" if schema is None else kind_of(schema)
        detail = f"`response_format.json_schema.schema` is {found}."
        raise RowError(ErrorCode.INVALID_SCHEMA, detail)
    fault = _fault(_encode(schema))
    if fault is not None:
        raise RowError(ErrorCode.INVALID_SCHEMA, fault)
    return schema


@lru_cache(maxsize=_REMEMBERED)
def _fault(schema: bytes) -> str | None:
    try:
        checked_schema(msgspec.json.decode(schema))
    except SchemaFaultError as error:
        return str(error)
    return None
