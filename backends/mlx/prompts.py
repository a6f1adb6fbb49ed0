"""From the messages of a request to the token ids of its prompt."""

from collections.abc import Sequence
from typing import Any

import msgspec
from jinja2 import TemplateError

from backends.errors import RefusedError
from backends.mlx.text import Markers
from backends.wording import told_by_system, told_by_user
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, Message


class Prompt(msgspec.Struct, frozen=True):
    """A prompt as the model reads it."""

    ids: list[int]
    #: Whether it ends inside a thought that the model is to go on with.
    starts_thinking: bool


def render(
    tokenizer: Any, request: GenerationRequest, *, context: int, markers: Markers | None
) -> Prompt:
    """The prompt of a request; `RefusedError` if there is none that the model could answer.

    A model without a chat template gets the texts of the messages with an empty line between
    them, and no word about who said what. A schema is told in words. `context` counts tokens, 0
    is no limit.
    """
    if tokenizer.has_chat_template:
        text = _prompt_text(tokenizer, request)
        ids = tokenizer.encode(text, add_special_tokens=False)
    else:
        messages = request.messages if request.schema is None else told_by_system(request)
        text = "\n\n".join(message.content for message in messages)
        ids = tokenizer.encode(text)
    _check_length(len(ids), request, context)
    starts_thinking = markers is not None and text.rstrip().endswith(markers.start)
    return Prompt(list(ids), starts_thinking)


def _prompt_text(tokenizer: Any, request: GenerationRequest) -> str:
    if request.schema is None:
        return _apply_template(tokenizer, request, request.messages)
    try:
        return _apply_template(tokenizer, request, told_by_system(request))
    except RefusedError:
        if any(message.role == "system" for message in request.messages):
            raise
        # Some templates take no system message, and the user gave none.
        return _apply_template(tokenizer, request, told_by_user(request))


def _apply_template(tokenizer: Any, request: GenerationRequest, messages: Sequence[Message]) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    except Exception as error:
        reason = _template_reason(error, messages)
        raise RefusedError(
            f"The chat template of {request.model} refused the messages: {reason}. "
            "Change their roles or their order, or choose another model."
        ) from error
    return text


def _template_reason(error: Exception, messages: Sequence[Message]) -> str:
    """What the template says, unless it says it in the user's own words."""
    reason = str(error)
    quotes = any(message.content and message.content in reason for message in messages)
    if quotes or not reason or not isinstance(error, TemplateError):
        return type(error).__name__
    return reason.strip().rstrip(".")[:200]


def _check_length(tokens: int, request: GenerationRequest, context: int) -> None:
    if tokens == 0:
        raise RefusedError("The prompt is empty. Give the row some text.")
    if context and tokens + request.max_tokens > context:
        raise RefusedError(
            f"The prompt has {tokens} tokens and max_tokens is {request.max_tokens}, together "
            f"{tokens + request.max_tokens}; the context of {request.model} has {context}. "
            "Shorten the prompt, lower max_tokens, or choose a model with a longer context.",
            ErrorCode.PROMPT_TOO_LONG,
        )
