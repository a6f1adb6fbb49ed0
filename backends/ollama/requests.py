"""Requests as Ollama wants them: everything that has a default of its own is said."""

from backends.ollama.shown import Known
from backends.ollama.thinking import think_of
from backends.ollama.wire import ChatRequest, EmbedRequest, LoadOptions, Options, Turn
from jobs.model import GenerationRequest

#: Long enough for the gaps between the jobs of a batch.
KEEP_ALIVE = "10m"
#: Ollama's word for a seed of its own choice.
_ANY_SEED = -1


def chat_request(
    request: GenerationRequest, known: Known, name: str, window: int, keep_alive: int | str
) -> ChatRequest:
    """A prompt for `/api/chat`."""
    return ChatRequest(
        model=name,
        messages=tuple(Turn(turn.role, turn.content) for turn in request.messages),
        options=Options(
            num_ctx=window,
            num_predict=request.max_tokens,
            seed=_ANY_SEED if request.seed is None else request.seed,
            temperature=request.temperature,
            top_p=request.top_p,
            # What a request names replaces what the model's own file names.
            stop=tuple(dict.fromkeys((*known.stops, *request.stop))),
        ),
        keep_alive=keep_alive,
        think=think_of(
            known.family,
            can_think=known.can_think,
            is_with_schema=request.schema is not None,
            is_held_late=known.is_held_late,
        ),
        format=request.schema,
        truncate=False,
        shift=False,
    )


def embed_request(
    request: GenerationRequest, name: str, window: int, keep_alive: int | str
) -> EmbedRequest:
    """A text for `/api/embed`."""
    return EmbedRequest(
        model=name,
        input=request.messages[-1].content,
        options=_to_embed(window),
        keep_alive=keep_alive,
        truncate=False,
    )


def load_request(
    known: Known, name: str, window: int, keep_alive: int | str
) -> tuple[str, ChatRequest | EmbedRequest]:
    """What loads a model without a prompt: the path and the body."""
    if "chat" in known.info.endpoints:
        body = ChatRequest(
            model=name,
            messages=(),
            options=LoadOptions(window),
            keep_alive=keep_alive,
            stream=False,
            shift=False,
        )
        return "/api/chat", body
    return "/api/embed", EmbedRequest(
        model=name, input="", options=_to_embed(window), keep_alive=keep_alive
    )


def _to_embed(window: int) -> LoadOptions:
    return LoadOptions(num_ctx=window, num_batch=window)
