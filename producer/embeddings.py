"""Texts that are to be turned into vectors: OpenAI's `input`, or a row's prompt."""

from typing import Any

from jobs.codes import ErrorCode
from jobs.errors import RowError
from jobs.model import Message
from producer.decode import kind_of
from producer.messages import shown
from producer.parameters import IGNORED

_FLOAT = "float"


def read_input(body: dict[str, Any]) -> tuple[Message, ...]:
    """The one text of an OpenAI embeddings body; raises `RowError`."""
    for name, value in body.items():
        if name in IGNORED or name in {"model", "input"} or value is None:
            continue
        if name == "encoding_format" and value == _FLOAT:
            continue
        accepted = f", of which only {_FLOAT} is accepted" if name == "encoding_format" else ""
        raise RowError(ErrorCode.UNSUPPORTED_PARAMETER, f"It is `{shown(name)}`{accepted}.")
    return (Message("user", _text(body.get("input"))),)


def one_text(messages: tuple[Message, ...], fields: dict[str, Any]) -> tuple[Message, ...]:
    """The messages of a row, if they are one text and nothing else is asked; raises `RowError`."""
    if "schema" in fields:
        raise RowError(
            ErrorCode.UNSUPPORTED_PARAMETER, "It is `response_format`: vectors have none."
        )
    if len(messages) == 1 and messages[0].role == "user":
        return messages
    raise RowError(
        ErrorCode.INVALID_MESSAGES, "For embeddings a row has one text: `prompt`, without `system`."
    )


def _text(value: Any) -> str:
    match value:
        case str(text) | [str(text)] if text.strip():
            return text
        case [_, _, *_]:
            found = f"a list of {len(value)}: give each text its own line"
        case str() | [str()]:
            found = "empty"
        case list():
            found = "a list of something else" if value else "an empty list"
        case _:
            found = kind_of(value)
    detail = f"`input` must be a text, or a list with one text, not {found}."
    raise RowError(ErrorCode.INVALID_PARAMETER, detail)
