"""What becomes of a job when an attempt of it failed: a pure decision."""

import math
from typing import Protocol

import msgspec

from backends.errors import (
    BackendError,
    CrashedError,
    ParkBackendError,
    PrivacyBreachError,
    RefusedError,
    RetryLaterError,
)
from jobs.codes import ErrorCode
from jobs.model import Claimed
from jobs.states import JobState

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 60.0


class Limits(Protocol):
    """How often a job may be tried: the part of the worker's settings that is decided by here."""

    @property
    def max_attempts(self) -> int:
        """Errors of the job itself before it fails."""
        ...

    @property
    def max_crashes(self) -> int:
        """Deaths of the engine while a suspect had it to itself before that fails as poison."""
        ...


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an attempt that did not succeed."""

    #: PENDING: to be tried again. FAILED: its run is over.
    state: JobState
    code: ErrorCode
    #: For people; never holds a prompt or an answer.
    message: str
    #: 1 where the attempt counts against `max_attempts`.
    counted_errors: int = 0
    #: 1 where the attempt counts against `max_crashes`.
    counted_crashes: int = 0
    #: Whether the job is to run alone from now on.
    is_suspect: bool = False
    retry_in_s: float = 0.0
    #: For how long the host claims nothing more; infinity is until somebody has looked.
    park_s: float = 0.0


def judge(  # noqa: PLR0911  (one line a class)
    error: Exception, job: Claimed, limits: Limits, chance: float, *, was_alone: bool
) -> Verdict:
    """The verdict on an attempt of `job` that ended in `error`.

    `chance` is a random number from 0 to 1: it spreads out what failed together. `was_alone` says
    whether it was a suspect and had the host to itself, from before it began.
    """
    match error:
        case RefusedError():
            return _failed(error.code, str(error))
        case PrivacyBreachError():
            return _failed(error.code, str(error), park_s=math.inf)
        case ParkBackendError():
            return _again(error, park_s=error.for_s)
        case RetryLaterError():
            # The others would be told the same.
            return _again(
                error, retry_in_s=error.after_s, park_s=min(error.after_s, LONGEST_BACKOFF_S)
            )
        case CrashedError(alone=True) if was_alone:
            return _crashed(error, job, limits.max_crashes, chance)
        case CrashedError():
            # Nobody is charged: which of them it was shows when each runs alone. One that happened
            # to be alone may have come right after what did it.
            return _again(error, is_suspect=True)
        case BackendError():
            return _counted(error, job, limits.max_attempts, chance)
        case _:
            # The text of a foreign exception may quote a prompt: its type has to do.
            return _failed(ErrorCode.BACKEND_FAILED, f"Unexpected {type(error).__name__}.")


def backoff_s(times: int, chance: float) -> float:
    """How long to wait after the `times`-th failure: doubling, between half and one and a half."""
    doubled = FIRST_BACKOFF_S * 2.0 ** min(times - 1, 16)
    return min(doubled, LONGEST_BACKOFF_S) * (0.5 + chance)


def _crashed(error: BackendError, job: Claimed, most: int, chance: float) -> Verdict:
    crashes = job.crashes + 1
    if crashes >= most:
        return _failed(ErrorCode.POISON, str(error), counted_crashes=1)
    wait_s = backoff_s(crashes, chance)
    return _again(error, counted_crashes=1, is_suspect=True, retry_in_s=wait_s)


def _counted(error: BackendError, job: Claimed, most: int, chance: float) -> Verdict:
    errors = job.errors + 1
    if errors >= most:
        return _failed(error.code, str(error), counted_errors=1)
    return _again(error, counted_errors=1, retry_in_s=backoff_s(errors, chance))


def _again(
    error: BackendError,
    *,
    counted_errors: int = 0,
    counted_crashes: int = 0,
    is_suspect: bool = False,
    retry_in_s: float = 0.0,
    park_s: float = 0.0,
) -> Verdict:
    return Verdict(
        state=JobState.PENDING,
        code=error.code,
        message=str(error),
        counted_errors=counted_errors,
        counted_crashes=counted_crashes,
        is_suspect=is_suspect,
        retry_in_s=retry_in_s,
        park_s=park_s,
    )


def _failed(
    code: ErrorCode,
    message: str,
    *,
    counted_errors: int = 0,
    counted_crashes: int = 0,
    park_s: float = 0.0,
) -> Verdict:
    return Verdict(
        state=JobState.FAILED,
        code=code,
        message=message,
        counted_errors=counted_errors,
        counted_crashes=counted_crashes,
        park_s=park_s,
    )
