"""What a server's errors mean, by status and by the type and code that it gives.

Its own text is looked at and never shown: a server may quote the prompt in it.
"""

import re
from typing import Any

import msgspec

from backends.errors import (
    BackendError,
    ParkBackendError,
    RefusedError,
    RetryLaterError,
    RetryNowError,
)
from backends.retry_after import retry_after_s
from jobs.codes import ErrorCode

#: Seconds, where the server does not say when to come back.
BUSY_S = 5.0
#: Seconds until somebody may have corrected the key.
KEY_PARK_S = 60.0

#: Statuses that put the blame on the request: which part of it, the text may tell. In any other
#: error the text decides nothing, as the prompt that it may quote could have decided it.
_OF_REQUESTS = frozenset({400, 413, 422})

_CONTEXT = re.compile(r"context.{0,40}(length|size|window|overflow|exceed)|exceed.{0,40}context")
_WORD = re.compile(r"[\w.-]{1,64}", re.ASCII)


class Said(msgspec.Struct, frozen=True):
    """What an error says of itself, as far as that can be shown, and what the trouble is."""

    #: Its type and its code, such as `invalid_request_error, context_length_exceeded`.
    words: tuple[str, ...] = ()
    #: A code that is a status.
    status: int = 0
    #: Whether type or code, or the text, speak of the length of the context.
    names_length: bool = False
    mentions_length: bool = False

    def __str__(self) -> str:
        return f" ({', '.join(self.words)})" if self.words else ""


def read_error(body: bytes) -> Said:
    """What the body of an error says, whatever it is: JSON of several shapes, text, HTML."""
    try:
        parsed = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return Said(mentions_length=_is_about_length(body.decode("utf-8", "replace")))
    if isinstance(parsed, dict):
        return said_of(parsed.get("error", parsed))
    return Said()


def said_of(error: Any) -> Said:
    """What an error object says; it may be a text alone."""
    if not isinstance(error, dict):
        return Said(mentions_length=_is_about_length(str(error)))
    given = [error.get("type"), error.get("code")]
    words = [word for word in given if isinstance(word, str) and _WORD.fullmatch(word)]
    status = next((code for code in given if isinstance(code, int)), 0)
    return Said(
        words=tuple(words),
        status=status,
        names_length=_is_about_length(" ".join(words)),
        mentions_length=_is_about_length(str(error.get("message", ""))),
    )


def refusal(  # noqa: PLR0911  (one for each kind of status)
    place: str, status: int, said: Said, retry_after: str, now: float
) -> BackendError:
    """What the worker is to do about an error; 404 is told apart by who knows the models.

    `now` is in seconds since the epoch, for dates in `retry_after`.
    """
    text = f"The server at {place} answered {status}{said}."
    match status:
        case _ if said.names_length or (status in _OF_REQUESTS and said.mentions_length):
            return RefusedError(
                f"{text} {ErrorCode.PROMPT_TOO_LONG.sentence} {ErrorCode.PROMPT_TOO_LONG.way_out}",
                ErrorCode.PROMPT_TOO_LONG,
            )
        case 401 | 403:
            return ParkBackendError(f"{text} Look at the pool's `key_file`.", KEY_PARK_S)
        case 408 | 409 | 425 | 429 | 503:
            return RetryLaterError(text, retry_after_s(retry_after, now, BUSY_S))
        case 504:
            return RetryNowError(text, ErrorCode.TIMED_OUT)
        case 501:
            return RefusedError(text, ErrorCode.UNSUPPORTED_ENDPOINT)
        case _ if 400 <= status < 500:  # noqa: PLR2004  (the class of statuses)
            return RefusedError(text)
        case _:
            return RetryNowError(text)


def _is_about_length(text: str) -> bool:
    return _CONTEXT.search(text.casefold()) is not None
