"""Requests as the server wants them, and the parts of its answers that are looked at."""

from typing import Any

import msgspec

from backends.wording import told
from jobs.model import GenerationRequest

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
MODELS = "/v1/models"
#: LM Studio's own list, which tells what a model is for.
LM_STUDIO_MODELS = "/api/v0/models"

#: What ends a stream.
DONE = b"[DONE]"


class Delta(msgspec.Struct, frozen=True):
    """What a chunk adds to the answer."""

    content: str | None = None
    #: What was thought before; servers name it in one of two ways.
    reasoning_content: str | None = None
    reasoning: str | None = None


class Choice(msgspec.Struct, frozen=True):
    """One of the answers; there is only one, as only one is asked for."""

    delta: Delta = Delta()
    finish_reason: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the server counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Chunk(msgspec.Struct, frozen=True):
    """One event of a stream."""

    choices: tuple[Choice, ...] | None = None
    usage: Usage | None = None
    model: str | None = None
    error: Any = None


class Vector(msgspec.Struct, frozen=True):
    """An embedding."""

    embedding: tuple[float, ...]


class Vectors(msgspec.Struct, frozen=True):
    """The answer to a request for embeddings."""

    data: tuple[Vector, ...]
    model: str | None = None
    usage: Usage | None = None


def chat_body(request: GenerationRequest) -> dict[str, Any]:
    """The body of a chat request, streamed, with the counts at its end.

    A schema is told in words, too: some servers pass over `response_format`.
    """
    body: dict[str, Any] = {
        "model": request.model,
        "messages": told(request),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = request.stop
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": request.schema},
        }
    return body


def embeddings_body(request: GenerationRequest) -> dict[str, Any]:
    """The body of a request for one embedding."""
    text = request.messages[-1].content
    return {"model": request.model, "input": text, "encoding_format": "float"}


def most_bytes(request: GenerationRequest) -> int:
    """More than a server sends for this request: a stream that exceeds it has no end."""
    return _SLACK + request.max_tokens * _PER_TOKEN


#: Bytes of a chunk with one token: names and ids around it are most of it.
_PER_TOKEN = 4_000
_SLACK = 1_000_000
