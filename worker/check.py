"""The check step: what an answer must be before it may be recorded as a success."""

import math

import msgspec

from backends.errors import RefusedError, RetryNowError
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult
from worker.storable import storable

_FINISHED = frozenset({"stop", "length"})

_numbers_of = msgspec.json.Decoder(list[float]).decode


def check(request: GenerationRequest, result: GenerationResult) -> GenerationResult:
    """`result` with storable text.

    Raises:
        RetryNowError: the answer has no finish reason, so a part of it may be missing.
        RefusedError: a vector was asked for, and this is none; or there are thoughts only.
    """
    if result.finish_reason not in _FINISHED:
        raise RetryNowError(ErrorCode.INCOMPLETE.sentence, ErrorCode.INCOMPLETE)
    if request.endpoint == "embeddings" and not _is_vector(result):
        raise RefusedError(f"The backend gave no vector for {request.model}. Choose another model.")
    if result.reasoning and not result.text.strip():
        raise RefusedError(_no_answer(request, result), ErrorCode.NO_ANSWER)
    text, model = storable(result.text), storable(result.model)
    reasoning = None if result.reasoning is None else storable(result.reasoning)
    if text is result.text and model is result.model and reasoning is result.reasoning:
        return result
    return msgspec.structs.replace(result, text=text, model=model, reasoning=reasoning)


def _no_answer(request: GenerationRequest, result: GenerationResult) -> str:
    is_cut = result.finish_reason == "length"
    cut = f" It was cut at {request.max_tokens} tokens." if is_cut else ""
    return f"{ErrorCode.NO_ANSWER.sentence}{cut} {ErrorCode.NO_ANSWER.way_out}"


def _is_vector(result: GenerationResult) -> bool:
    if result.form != "vector":
        return False
    try:
        numbers = _numbers_of(result.text)
    except msgspec.DecodeError:
        return False
    return bool(numbers) and all(map(math.isfinite, numbers))
