"""One answer of a batch, as programs get it."""

from typing import Any

import msgspec

from jobs.codes import ErrorCode
from jobs.model import ResultRow
from jobs.states import JobState


class RowFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row has no answer."""

    #: Equal to its text, as in docs/errors.md: `fault.code == "refused"`.
    code: ErrorCode
    #: What is wrong, and what helps.
    message: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one row. Its `repr` shows neither the row nor the answer."""

    #: The name of its file where the batch has several; None where it has but one.
    file: str | None
    #: 1-based number of its line in the input, or in its file where there are several.
    line: int
    #: None where the line could not be read that far.
    custom_id: str | None
    state: JobState
    #: The row as it was given; None for a line that could not be read.
    row: dict[str, Any] | None
    #: The answer: text, the value that a JSON Schema asked for, or an embedding as a list of
    #: floats; None unless `state` is `succeeded`.
    response: Any
    #: What a reasoning model thought before it answered.
    reasoning: str | None
    #: `stop`, or `length` where the row's own max_tokens cut it.
    finish_reason: str | None
    #: The model that answered; empty where none did.
    model: str
    input_tokens: int
    output_tokens: int
    #: None where there is an answer.
    error: RowFault | None

    def __repr__(self) -> str:
        of_file = "" if self.file is None else f" of {self.file}"
        return f"Result(line {self.line}{of_file}, {self.state})"


def result_of(found: ResultRow) -> Result:
    """A row of the store as programs get it."""
    fault = None
    if found.error_code is not None:
        code = ErrorCode[found.error_code.upper()]
        fault = RowFault(code=code, message=found.error_message or "")
    return Result(
        file=found.file,
        line=found.line,
        custom_id=found.custom_id,
        state=found.state,
        row=None if found.row is None else msgspec.json.decode(found.row, type=dict[str, Any]),
        response=_response(found),
        reasoning=found.reasoning,
        finish_reason=found.finish_reason,
        model=found.model,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        error=fault,
    )


def _response(found: ResultRow) -> Any:
    if found.text is None or found.form == "text":
        return found.text
    return msgspec.json.decode(found.text)
