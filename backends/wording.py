"""Telling a model in words what its answer has to be, where its server cannot hold it to that."""

import msgspec

from jobs.model import GenerationRequest, Message
from jobs.schemas.words import words_of


def told(request: GenerationRequest) -> tuple[Message, ...]:
    """The messages for a server whose chat template is not known; without a schema as they are.

    A system message is only added to: some templates know none.
    """
    if request.schema is None:
        return request.messages
    has_system = request.messages[0].role == "system"
    return told_by_system(request) if has_system else told_by_user(request)


def told_by_system(request: GenerationRequest) -> tuple[Message, ...]:
    """The messages of a request with what its schema asks for at the end of the system message."""
    words = _in_words(request)
    first, *others = request.messages
    if first.role == "system":
        return (Message("system", f"{first.content}\n\n{words}"), *others)
    return (Message("system", words), *request.messages)


def told_by_user(request: GenerationRequest) -> tuple[Message, ...]:
    """The same at the beginning of the first message, for models that know no system message."""
    first, *others = request.messages
    return (Message(first.role, f"{_in_words(request)}\n\n{first.content}"), *others)


def _in_words(request: GenerationRequest) -> str:
    words = words_of(request.schema or {})
    if words is not None:
        return f"Answer with exactly one of these words and nothing else: {', '.join(words)}"
    schema = msgspec.json.encode(request.schema).decode()
    return (
        "Answer with JSON only, without explanation or code fence, that fits this JSON Schema:"
        f" {schema}"
    )
