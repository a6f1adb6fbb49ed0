"""Telling a model in words what its answer has to be, where its server cannot hold it to that."""

import msgspec

from jobs.model import GenerationRequest, Message
from jobs.schemas.words import words_of


def told_by_system(request: GenerationRequest) -> tuple[Message, ...]:
    """The messages of a request with what its schema asks for at the end of the system message."""
    told = _told(request)
    first, *others = request.messages
    if first.role == "system":
        return (Message("system", f"{first.content}\n\n{told}"), *others)
    return (Message("system", told), *request.messages)


def told_by_user(request: GenerationRequest) -> tuple[Message, ...]:
    """The same at the beginning of the first message, for models that know no system message."""
    first, *others = request.messages
    return (Message(first.role, f"{_told(request)}\n\n{first.content}"), *others)


def _told(request: GenerationRequest) -> str:
    words = words_of(request.schema or {})
    if words is not None:
        return f"Answer with exactly one of these words and nothing else: {', '.join(words)}"
    schema = msgspec.json.encode(request.schema).decode()
    return (
        "Answer with JSON only, without explanation or code fence, that fits this JSON Schema:"
        f" {schema}"
    )
