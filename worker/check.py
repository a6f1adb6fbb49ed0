"""The check step: what an answer must be before it may be recorded as a success."""

import msgspec

from backends.errors import RetryNowError
from jobs.codes import ErrorCode
from jobs.model import GenerationResult
from worker.storable import storable

_FINISHED = frozenset({"stop", "length"})


def check(result: GenerationResult) -> GenerationResult:
    """`result` with storable text.

    Raises:
        RetryNowError: the answer has no finish reason, so a part of it may be missing.
    """
    if result.finish_reason not in _FINISHED:
        raise RetryNowError(ErrorCode.INCOMPLETE.sentence, ErrorCode.INCOMPLETE)
    text, model = storable(result.text), storable(result.model)
    reasoning = None if result.reasoning is None else storable(result.reasoning)
    if text is result.text and model is result.model and reasoning is result.reasoning:
        return result
    return msgspec.structs.replace(result, text=text, model=model, reasoning=reasoning)
