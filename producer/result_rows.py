"""Results as rows: the fields of the input's row, and beside them the answer."""

from collections.abc import Container
from typing import Any

import msgspec

from jobs.model import ResultRow

#: A name that the row has already gets this before it.
TAKEN_PREFIX = "nightmill_"

_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def row_record(result: ResultRow, into: str) -> dict[str, Any]:
    """One line of the results; the row's own values are passed on as they were written.

    A line that could not be read is only its number, with its file where there are several, and
    its error.
    """
    if result.row is None:
        return {**_place_of(result), "error": error_of(result)}
    record: dict[str, Any] = dict(_fields_of(result.row))
    for name, value in _answer(result, into).items():
        record[free_name(name, record)] = value
    return record


def error_of(result: ResultRow) -> dict[str, Any] | None:
    """The error object of a row; None for one that was answered."""
    if result.error_code is None:
        return None
    return {
        "code": result.error_code,
        "message": result.error_message or "",
        **_place_of(result),
    }


def answer_of(result: ResultRow) -> str | msgspec.Raw | None:
    """The answer as it is written: text, or the JSON that it is."""
    if result.text is None or result.form == "text":
        return result.text
    return msgspec.Raw(result.text.encode())


def free_name(name: str, taken: Container[str]) -> str:
    """A name for a field of the results that the row, or the table, does not have."""
    while name in taken:
        name = TAKEN_PREFIX + name
    return name


def _place_of(result: ResultRow) -> dict[str, Any]:
    line = {"line": result.line}
    return line if result.file is None else {"file": result.file, **line}


def _answer(result: ResultRow, into: str) -> dict[str, Any]:
    answer: dict[str, Any] = {into: answer_of(result)}
    if result.reasoning is not None:
        answer["reasoning"] = result.reasoning
    return answer | {
        "error": error_of(result),
        "model": result.model or None,
        "tokens": {"input": result.input_tokens, "output": result.output_tokens},
        "finish_reason": result.finish_reason,
    }
