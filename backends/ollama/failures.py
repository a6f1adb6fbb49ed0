"""Every error that Ollama is known for, and the decision on it: one table, one pure function."""

from collections.abc import Callable

from backends.errors import BackendError
from backends.ollama import decisions
from backends.ollama.failure import Failure, Words, read

_Make = Callable[[Failure, Words], BackendError]


def decide(failure: Failure) -> BackendError:
    """The error that the worker can act on."""
    words = read(failure.body)
    make = (
        _of_words(failure.status, words)
        or _OF_STATUS.get(failure.status)
        or _of_class(failure.status)
    )
    return make(failure, words)


def _of_words(status: int, words: Words) -> _Make | None:
    if words.is_of_cloud:
        return decisions.breach
    return next(
        (
            make
            for statuses, marks, make in _OF_WORDS
            if status in statuses and any(mark in words.text for mark in marks)
        ),
        None,
    )


def _of_class(status: int) -> _Make:
    if 400 <= status < 500:  # noqa: PLR2004  (the class of status)
        return decisions.invalid
    return decisions.failed


#: The first row with the status and one of its words decides.
_OF_WORDS: tuple[tuple[tuple[int, ...], tuple[str, ...], _Make], ...] = (
    # What comes after these words is the model's: it may say anything.
    ((500,), ("failed to parse",), decisions.failed),
    ((400, 403), ("cloud is disabled", "cannot run this remote model"), decisions.kept_here),
    # What the cloud says, passed on as plain text.
    (
        (403, 429, 503),
        (
            "requires a subscription",
            "usage limit",
            "too many concurrent requests",
            "concurrent request slot",
            "server overloaded, please retry",
        ),
        decisions.breach,
    ),
    ((503,), ("maximum pending requests",), decisions.busy),
    (
        (400, 500),
        (
            "longer than the context",
            "exceed_context_size_error",
            "exceeds the available context",
            "exceeds the model's maximum context",
            "exceeds the context length",
            "exceeds maximum context",
        ),
        decisions.too_long,
    ),
    (
        # Embedding says it with 400.
        (400, 500),
        (
            "unexpectedly stopped",
            "encountered while running the model",
            "process has terminated",
            "no longer running",
            "error reading llm response",
            "error reading llama-server",
            "do embedding request",
            "error reading embed response",
            'post "http://127.0.0.1:',
        ),
        decisions.crashed,
    ),
    (
        (500,),
        (
            "more system memory",
            "out of memory",
            "out-of-memory",
            "memory for model",
            "cudamalloc failed",
        ),
        decisions.does_not_load,
    ),
    ((500,), ("token repeat limit",), decisions.repeats),
    ((400, 501), ("does not support",), decisions.unsupported),
    (
        (400, 500),
        ("invalid format", "invalid json schema", "schema conversion failed", "grammar"),
        decisions.invalid_schema,
    ),
    ((400,), ("model is required", "invalid model name"), decisions.no_such_model),
    (
        (400, 500),
        ("must be of type", "invalid think value", "missing request body"),
        decisions.invalid,
    ),
)

#: Where the words are not known.
_OF_STATUS: dict[int, _Make] = {
    401: decisions.wants_a_key,
    403: decisions.foreign_host,
    404: decisions.no_route,
    405: decisions.no_ollama,
    407: decisions.wants_a_key,
    408: decisions.busy,
    410: decisions.no_such_model,
    425: decisions.busy,
    429: decisions.busy,
    499: decisions.canceled,
    502: decisions.lost_upstream,
    503: decisions.busy,
    504: decisions.busy,
}
