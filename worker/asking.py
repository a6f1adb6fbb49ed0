"""Asking a backend for an answer that is what the request wants, and once more if it is not."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from backends.errors import AlterAndRetryError, RefusedError
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult, Message
from worker.check import check
from worker.fitting.frames import Checked

#: High enough for a model to leave the path that it is stuck on, and no higher.
_STIRRED = 0.5

Generate = Callable[[GenerationRequest], Awaitable[GenerationResult]]


class HoldsToSchema(Protocol):
    """What says whether an answer fits a schema."""

    async def check(self, text: str, schema: dict[str, Any]) -> Checked:
        """The verdict on one answer."""
        ...


class SchemaMismatchError(RefusedError):
    """Neither of two answers fits the schema; what both of them used is in the two numbers."""

    def __init__(self, misfit: str, *, input_tokens: int, output_tokens: int) -> None:
        super().__init__(
            f"{ErrorCode.SCHEMA_MISMATCH.sentence} What did not fit: {misfit}."
            f" {ErrorCode.SCHEMA_MISMATCH.way_out}",
            ErrorCode.SCHEMA_MISMATCH,
        )
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


async def answer(
    generate: Generate, holds: HoldsToSchema, request: GenerationRequest
) -> GenerationResult:
    """The checked answer to a request; raises what the backend or the check raise.

    An answer that does not fit the schema is asked for once more, in the same conversation, with
    what did not fit. Tokens are those of both. A request that the backend wants altered is altered
    once, and refused where that is not enough.
    """
    first = check(request, await _generated(generate, request))
    if request.schema is None:
        return first
    checked = await holds.check(first.text, request.schema)
    if checked.misfit is None:
        return _fitting(first, checked)
    misfit = _with_cut(checked.misfit, first, request)
    second = await _asked_again(generate, request, first, misfit)
    both = msgspec.structs.replace(
        second,
        input_tokens=first.input_tokens + second.input_tokens,
        output_tokens=first.output_tokens + second.output_tokens,
    )
    checked = await holds.check(both.text, request.schema)
    if checked.misfit is None:
        return _fitting(both, checked)
    last = _with_cut(checked.misfit, both, request)
    raise _mismatch(last if last == misfit else f"{misfit}; then {last}", both)


def again(request: GenerationRequest, text: str, misfit: str) -> GenerationRequest:
    """The request that goes on after an answer that did not fit."""
    turns = (
        Message("assistant", text),
        Message(
            "user",
            f"That answer does not fit what was asked for. What did not fit: {misfit}. Give the"
            " corrected answer only, without explanation.",
        ),
    )
    return msgspec.structs.replace(request, messages=request.messages + turns)


def altered(request: GenerationRequest, advice: str) -> GenerationRequest | None:
    """The request as the advice of an `AlterAndRetryError` has it; None if it cannot be followed.

    `seed` is another seed, and chance enough for it to make a difference.
    """
    if advice != "seed":
        return None
    # The next one could be too large.
    seed = None if request.seed is None else request.seed ^ 1
    warmer = max(request.temperature, _STIRRED)
    return msgspec.structs.replace(request, seed=seed, temperature=warmer)


async def _generated(generate: Generate, request: GenerationRequest) -> GenerationResult:
    try:
        return await generate(request)
    except AlterAndRetryError as error:
        other = altered(request, error.advice)
        if other is None:
            raise RefusedError(str(error)) from error
    try:
        return await generate(other)
    except AlterAndRetryError as error:
        raise RefusedError(str(error)) from error


async def _asked_again(
    generate: Generate, request: GenerationRequest, first: GenerationResult, misfit: str
) -> GenerationResult:
    try:
        return check(request, await _generated(generate, again(request, first.text, misfit)))
    except RefusedError as error:
        # Such as a conversation that is too long by now: it began with an answer that did not fit.
        raise _mismatch(f"{misfit}; asked once more: {str(error).rstrip('.')}", first) from error


def _fitting(result: GenerationResult, checked: Checked) -> GenerationResult:
    return msgspec.structs.replace(result, text=checked.text, form=checked.form)


def _with_cut(misfit: str, result: GenerationResult, request: GenerationRequest) -> str:
    if result.finish_reason != "length":
        return misfit
    return f"{misfit}; it was cut at {request.max_tokens} tokens"


def _mismatch(misfit: str, used: GenerationResult) -> SchemaMismatchError:
    return SchemaMismatchError(
        misfit, input_tokens=used.input_tokens, output_tokens=used.output_tokens
    )
