"""What the worker can do about an error of Ollama's: a decision each.

Ollama's own words never get into messages, because some of them quote the prompt.
"""

import re

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
from backends.ollama.failure import Failure, Words
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


def breach(failure: Failure, _words: Words) -> BackendError:
    return PrivacyBreachError(
        f"Ollama tried to have {shown(failure.model)} answered by its cloud (status "
        f"{failure.status}). Remove that model, and set OLLAMA_NO_CLOUD=1 for Ollama."
    )


def kept_here(failure: Failure, _words: Words) -> BackendError:
    return RefusedError(
        f"{shown(failure.model)} runs on another machine and Ollama kept the prompt here. "
        "Choose one of `nightmill models`.",
        ErrorCode.PRIVACY,
    )


def too_long(_failure: Failure, words: Words) -> BackendError:
    found = next((m for counts in _COUNTS if (m := counts.search(words.text))), None)
    return TooLongError(int(found[1]) if found else 0)


def no_such_model(failure: Failure, _words: Words) -> BackendError:
    return RefusedError(
        f"Ollama has no model {shown(failure.model)}. Pull it, or choose one of "
        "`nightmill models`.",
        ErrorCode.UNKNOWN_MODEL,
    )


def crashed(failure: Failure, _words: Words) -> BackendError:
    return CrashedError(
        f"Ollama's runner of {shown(failure.model)} died; its log says why.", alone=failure.alone
    )


def does_not_load(failure: Failure, _words: Words) -> BackendError:
    return ParkBackendError(
        f"Ollama has not enough memory for {shown(failure.model)}. Free some, lower the pool's "
        "`num_ctx`, or choose a smaller model.",
        PARK_S,
    )


def unsupported(failure: Failure, _words: Words) -> BackendError:
    return RefusedError(
        f"{shown(failure.model)} cannot do in Ollama what the request asks for.",
        ErrorCode.UNSUPPORTED_ENDPOINT,
    )


def invalid_schema(_failure: Failure, _words: Words) -> BackendError:
    return RefusedError(
        "Ollama cannot hold an answer to this schema. Use a plainer one.", ErrorCode.INVALID_SCHEMA
    )


def repeats(failure: Failure, _words: Words) -> BackendError:
    return repeated(failure.model)


def repeated(model: str) -> AlterAndRetryError:
    """For a model that said the same token for ever."""
    return AlterAndRetryError(
        f"{shown(model)} repeated one token until Ollama ended it. Choose another model, or a "
        "higher temperature.",
        advice="seed",
    )


def invalid(failure: Failure, _words: Words) -> BackendError:
    return RefusedError(f"Ollama refused the request (status {failure.status}).")


def busy(failure: Failure, _words: Words) -> BackendError:
    return RetryLaterError(
        f"Ollama is busy (status {failure.status}).",
        # Ollama sends no such header; what stands before it may.
        retry_after_s(failure.retry_after, failure.now, BUSY_S),
    )


def canceled(_failure: Failure, _words: Words) -> BackendError:
    return RetryLaterError("Ollama thought that nobody waited for the answer.", 1.0)


def wants_a_key(failure: Failure, _words: Words) -> BackendError:
    return ParkBackendError(
        f"What stands before Ollama wants a key (status {failure.status}). Put it into the "
        "pool's `key_file`.",
        PARK_S,
    )


def foreign_host(failure: Failure, words: Words) -> BackendError:
    # Ollama's own 403 is empty or of its cloud.
    if words.is_ollamas:
        return breach(failure, words)
    if failure.body.strip():
        return wants_a_key(failure, words)
    return ParkBackendError(
        "Ollama does not answer to this host name (status 403). Write `localhost` or an address "
        "into the pool's `url`, or set OLLAMA_HOST for Ollama.",
        PARK_S,
    )


def lost_upstream(failure: Failure, words: Words) -> BackendError:
    # A proxy in between answers in its own way. In Ollama's, only its cloud is upstream.
    return breach(failure, words) if words.is_ollamas else busy(failure, words)


def no_route(failure: Failure, words: Words) -> BackendError:
    return no_such_model(failure, words) if words.is_ollamas else no_ollama(failure, words)


def no_ollama(failure: Failure, _words: Words) -> BackendError:
    return ParkBackendError(
        f"What answers at the pool's `url` is no Ollama (status {failure.status}). Correct the "
        "`url`.",
        PARK_S,
    )


def failed(failure: Failure, _words: Words) -> BackendError:
    return RetryNowError(f"Ollama failed (status {failure.status}); its log says why.")
