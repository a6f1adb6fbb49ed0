"""How a backend fails, by the decision that the worker can take.

BackendError
├── RetryNowError        a blip: try again at once, on the same or another host
├── RetryLaterError      busy or loading: try again after `after_s`
├── ParkBackendError     the backend itself is out of order: hand back, stop claiming for a while
├── CrashedError         the engine died or hung with this job in flight
├── RefusedError         this request will never work: fail the job with `code`
├── AlterAndRetryError   may work if altered as `advice` says: once more, then refuse it
└── PrivacyBreachError   it went, or would have gone, where it may not: stop and alert
"""

from jobs.codes import ErrorCode


class BackendError(Exception):
    """A generation did not come to its own end. Messages never hold a prompt or an answer."""

    #: The code of the record, should the worker give up on the job.
    code = ErrorCode.BACKEND_FAILED


class RetryNowError(BackendError):
    """Something passing went wrong, such as a connection cut; trying again is likely to work.

    Counts as an error of the job: after `max_attempts` it fails.
    """

    def __init__(self, message: str, code: ErrorCode = ErrorCode.BACKEND_FAILED) -> None:
        super().__init__(message)
        self.code = code


class RetryLaterError(BackendError):
    """The backend is busy or loading. Nobody is to blame; try again after `after_s` seconds."""

    def __init__(self, message: str, after_s: float) -> None:
        super().__init__(message)
        self.after_s = after_s


class ParkBackendError(BackendError):
    """The backend cannot serve anybody now: not running, out of memory, key refused."""

    def __init__(self, message: str, for_s: float = 5.0) -> None:
        super().__init__(message)
        self.for_s = for_s


class CrashedError(BackendError):
    """The engine died or hung while this job was in flight; `alone` says if no other job was."""

    def __init__(self, message: str, *, alone: bool) -> None:
        super().__init__(message)
        self.alone = alone


class RefusedError(BackendError):
    """The request itself is at fault, and the same request would be refused again."""

    def __init__(self, message: str, code: ErrorCode = ErrorCode.REFUSED) -> None:
        super().__init__(message)
        self.code = code


class AlterAndRetryError(BackendError):
    """There is no answer to use, but the request could be altered as `advice` says.

    `seed` is another seed and a higher temperature.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class PrivacyBreachError(BackendError):
    """The prompt was answered somewhere it was not allowed to go, or would have been."""

    code = ErrorCode.PRIVACY
