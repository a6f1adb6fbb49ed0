"""Rows: any JSON object, with its prompt in it or made of it by a template.

With a template every field but `custom_id` and `model` is data. Without one a row has `prompt`
(text), with or without `system` (text), or it has `messages`; `response_format` is the form of its
answer; the rest is data. No field of a row is ever a sampling parameter: `temperature` in a table
of weather is just that. Null is the same as leaving a field out. All of it comes out again in the
results.
"""

from typing import Any

from jobs.codes import ErrorCode
from jobs.errors import RowError
from jobs.model import Message
from producer.decode import kind_of
from producer.messages import read_messages, with_system
from producer.response_format import read_response_format
from producer.template import Template


def read_row(row: dict[str, Any], template: Template | None) -> tuple[Message, ...]:
    """The conversation of a row; raises `RowError`."""
    if template is not None:
        return (Message("user", template.render(row)),)
    turns = _turns(row.get("prompt"), row.get("messages"))
    system = row.get("system")
    return turns if system is None else with_system(_system(system), turns)


def row_schema(row: dict[str, Any]) -> dict[str, Any]:
    """What the `response_format` of a row sets in its request; raises `RowError`."""
    wanted = row.get("response_format")
    return {} if wanted is None else {"schema": read_response_format(wanted)}


def row_model(row: dict[str, Any]) -> str | None:
    """The model that a row asks for, if it does; raises `RowError`."""
    model = row.get("model")
    if model is None or model == "":
        return None
    if not isinstance(model, str):
        raise RowError(ErrorCode.UNKNOWN_MODEL, f"`model` is {kind_of(model)}.")
    return model


def _turns(prompt: object, messages: object) -> tuple[Message, ...]:
    if messages is None:
        return (Message("user", _prompt(prompt)),)
    if prompt is None:
        return read_messages(messages)
    raise RowError(
        ErrorCode.INVALID_MESSAGES,
        "The row has `prompt` as well: keep one of them, or say --prompt '{prompt}'.",
    )


def _prompt(value: object) -> str:
    if value is None:
        raise RowError(ErrorCode.MISSING_PROMPT)
    if not isinstance(value, str):
        raise RowError(ErrorCode.MISSING_PROMPT, f"`prompt` is {kind_of(value)}, not a text.")
    if not value.strip():
        raise RowError(ErrorCode.MISSING_PROMPT, "`prompt` is empty.")
    return value


def _system(value: object) -> str:
    if not isinstance(value, str):
        raise RowError(ErrorCode.INVALID_MESSAGES, f"`system` is {kind_of(value)}, not a text.")
    return value
