"""What Ollama's errors mean for the worker: one table, one pure function.

Ollama's own words never get into messages, because some of them quote the prompt.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from backends.errors import (
    AlterAndRetryError,
    BackendError,
    CrashedError,
    ParkBackendError,
    PrivacyBreachError,
    RefusedError,
    RetryLaterError,
    RetryNowError,
)
from backends.ollama.privacy import shown
from backends.retry_after import retry_after_s
from jobs.codes import ErrorCode

#: Seconds after which a queue that is full is tried again.
BUSY_S = 5.0
#: Seconds to wait for somebody to look: at memory, at a proxy, at a key.
PARK_S = 30.0

_COUNTS = (
    re.compile(r'"n_prompt_tokens\\?":\s*(\d+)'),
    re.compile(r"(?:request|input length) \((\d+) tokens\)"),
)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it came: with a status of its own, or as a line in mid-stream (500)."""

    status: int
    body: bytes
    #: The model that was asked.
    model: str
    #: Whether no other prompt was with the server.
    alone: bool
    retry_after: str = ""
    #: Seconds since the epoch.
    now: float = 0.0


class TooLongError(RefusedError):
    """The prompt does not fit the window it was given; a larger one may do."""

    def __init__(self, tokens: int) -> None:
        counted = f" of {tokens:,} tokens" if tokens else ""
        super().__init__(
            f"The prompt{counted} and its answer do not fit the model's context in Ollama.",
            ErrorCode.PROMPT_TOO_LONG,
        )
        #: Tokens of the prompt; 0 where Ollama did not count.
        self.tokens = tokens


class _Words(msgspec.Struct, frozen=True):
    """What a body says."""

    text: str = ""
    is_json: bool = False
    #: Passed on from the cloud, or asking for a sign-in to it.
    is_of_cloud: bool = False


_Make = Callable[[Failure, _Words], BackendError]


def decide(failure: Failure) -> BackendError:
    """The error that the worker can act on."""
    words = _read(failure.body)
    make = _of_words(words) or _OF_STATUS.get(failure.status) or _of_class(failure.status)
    return make(failure, words)


def _of_words(words: _Words) -> _Make | None:
    if words.is_of_cloud:
        return _breach
    return next((make for marks, make in _OF_WORDS if any(m in words.text for m in marks)), None)


def _read(body: bytes) -> _Words:
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return _Words(body[:2000].decode("utf-8", "replace").casefold())
    if not isinstance(value, dict):
        return _Words(is_json=True)
    is_of_cloud = "signin_url" in value or "StatusCode" in value
    return _Words(_text_of(value).casefold(), is_json=True, is_of_cloud=is_of_cloud)


def _text_of(value: dict[str, Any]) -> str:
    said = value.get("error", "")
    return said if isinstance(said, str) else msgspec.json.encode(said).decode()


def _breach(failure: Failure, _words: _Words) -> BackendError:
    return PrivacyBreachError(
        f"Ollama tried to have {shown(failure.model)} answered by its cloud (status "
        f"{failure.status}). Remove that model, and set OLLAMA_NO_CLOUD=1 for Ollama."
    )


def _kept_here(failure: Failure, _words: _Words) -> BackendError:
    return RefusedError(
        f"{shown(failure.model)} runs on another machine and Ollama kept the prompt here. "
        "Choose one of `nightmill models`.",
        ErrorCode.PRIVACY,
    )


def _too_long(_failure: Failure, words: _Words) -> BackendError:
    found = next((m for counts in _COUNTS if (m := counts.search(words.text))), None)
    return TooLongError(int(found[1]) if found else 0)


def _no_such_model(failure: Failure, _words: _Words) -> BackendError:
    return RefusedError(
        f"Ollama has no model {shown(failure.model)}. Pull it, or choose one of "
        "`nightmill models`.",
        ErrorCode.UNKNOWN_MODEL,
    )


def _crashed(failure: Failure, _words: _Words) -> BackendError:
    return CrashedError(
        f"Ollama's runner of {shown(failure.model)} died; its log says why.", alone=failure.alone
    )


def _does_not_load(failure: Failure, _words: _Words) -> BackendError:
    return ParkBackendError(
        f"Ollama has not enough memory for {shown(failure.model)}. Free some, lower the pool's "
        "`num_ctx`, or choose a smaller model.",
        PARK_S,
    )


def _unsupported(failure: Failure, _words: _Words) -> BackendError:
    return RefusedError(
        f"{shown(failure.model)} cannot do in Ollama what the request asks for.",
        ErrorCode.UNSUPPORTED_ENDPOINT,
    )


def _invalid_schema(_failure: Failure, _words: _Words) -> BackendError:
    return RefusedError(
        "Ollama cannot hold an answer to this schema. Use a plainer one.", ErrorCode.INVALID_SCHEMA
    )


def _repeats(failure: Failure, _words: _Words) -> BackendError:
    return repeated(failure.model)


def repeated(model: str) -> AlterAndRetryError:
    """For a model that said the same token for ever."""
    return AlterAndRetryError(
        f"{shown(model)} repeated one token until Ollama ended it. Another seed or a higher "
        "temperature may help.",
        advice="seed",
    )


def _invalid(failure: Failure, _words: _Words) -> BackendError:
    return RefusedError(f"Ollama refused the request (status {failure.status}).")


def _busy(failure: Failure, _words: _Words) -> BackendError:
    return RetryLaterError(
        f"Ollama is busy (status {failure.status}).",
        # Ollama sends no such header; what stands before it may.
        retry_after_s(failure.retry_after, failure.now, BUSY_S),
    )


def _canceled(_failure: Failure, _words: _Words) -> BackendError:
    return RetryLaterError("Ollama thought that nobody waited for the answer.", 1.0)


def _wants_a_key(failure: Failure, _words: _Words) -> BackendError:
    return ParkBackendError(
        f"What stands before Ollama wants a key (status {failure.status}). Put it into the "
        "pool's `key_file`.",
        PARK_S,
    )


def _foreign_host(failure: Failure, words: _Words) -> BackendError:
    if words.is_json:
        # Ollama's own 403 is empty or of its cloud.
        return _breach(failure, words)
    return ParkBackendError(
        "Ollama does not answer to this host name (status 403). Write `localhost` or an address "
        "into the pool's `url`, or set OLLAMA_HOST for Ollama.",
        PARK_S,
    )


def _lost_upstream(failure: Failure, words: _Words) -> BackendError:
    # A proxy in between answers with a page; JSON is Ollama's, and only its cloud is upstream.
    return _breach(failure, words) if words.is_json else _busy(failure, words)


def _no_route(failure: Failure, words: _Words) -> BackendError:
    return _no_such_model(failure, words) if words.is_json else _no_ollama(failure, words)


def _no_ollama(failure: Failure, _words: _Words) -> BackendError:
    return ParkBackendError(
        f"What answers at the pool's `url` is no Ollama (status {failure.status}). Correct the "
        "`url`.",
        PARK_S,
    )


def _failed(failure: Failure, _words: _Words) -> BackendError:
    return RetryNowError(f"Ollama failed (status {failure.status}); its log says why.")


def _of_class(status: int) -> _Make:
    if 400 <= status < 500:  # noqa: PLR2004  (the class of status)
        return _invalid
    return _failed


#: The first row with one of its words in the text decides, whatever the status.
_OF_WORDS: tuple[tuple[tuple[str, ...], _Make], ...] = (
    (("cloud is disabled", "cannot run this remote model"), _kept_here),
    # What the cloud says, passed on as plain text.
    (
        (
            "requires a subscription",
            "usage limit",
            "too many concurrent requests",
            "concurrent request slot",
            "server overloaded, please retry",
        ),
        _breach,
    ),
    (("maximum pending requests",), _busy),
    (
        (
            "longer than the context",
            "exceed_context_size_error",
            "exceeds the available context",
            "exceeds the model's maximum context",
            "exceeds the context length",
            "exceeds maximum context",
        ),
        _too_long,
    ),
    (("unexpectedly stopped", "runner process has terminated", "no longer running"), _crashed),
    (("more system memory", "out of memory", "cudamalloc failed"), _does_not_load),
    (("token repeat limit",), _repeats),
    (("does not support",), _unsupported),
    (("invalid format", "grammar"), _invalid_schema),
    (("model is required", "invalid model name"), _no_such_model),
    (("must be of type", "invalid think value", "missing request body"), _invalid),
)

#: Where the words are not known.
_OF_STATUS: dict[int, _Make] = {
    401: _wants_a_key,
    403: _foreign_host,
    404: _no_route,
    405: _no_ollama,
    407: _wants_a_key,
    408: _busy,
    410: _no_such_model,
    425: _busy,
    429: _busy,
    499: _canceled,
    502: _lost_upstream,
    503: _busy,
    504: _busy,
}
