"""How an exchange with a server ends, where only those who know its protocol can decide."""

from backends.errors import BackendError


class StatusError(BackendError):
    """The server answered with another status than 200; the backend that knows it decides."""

    def __init__(self, place: str, status: int, retry_after: str, body: bytes) -> None:
        super().__init__(f"The server at {place} answered {status}.")
        self.status = status
        #: The header as it came; empty without one.
        self.retry_after = retry_after
        #: The beginning of the body. It may quote the prompt: not for messages.
        self.body = body


class LostError(Exception):
    """The connection ended before the answer did.

    To be raised in the block of `stream` where only the protocol shows that: what it becomes
    depends on whether the server is still there.
    """

    def __init__(self, *, has_begun: bool) -> None:
        super().__init__()
        self.has_begun = has_begun
