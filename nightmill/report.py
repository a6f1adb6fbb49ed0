"""What came of a batch: why rows have no answer, and who did the work."""

import msgspec

from jobs.codes import ErrorCode

WAYS_OUT = {code.value: code.way_out for code in ErrorCode}


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that are over without an answer for the same reason."""

    code: str
    rows: int
    #: The first of their lines in the input.
    first_line: int
    #: The file that it is in where the input has several.
    first_file: str | None = None
    #: What was said about one of them.
    message: str


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that the same host answered with the same model."""

    host: str
    model: str
    rows: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Why rows have no answer, most frequent first, and who answered the others."""

    failures: tuple[Failure, ...]
    shares: tuple[Share, ...]
    #: All hosts that were given prompts, as `pool@machine`.
    seen_by: tuple[str, ...] = ()

    @property
    def has_breach(self) -> bool:
        """Whether a prompt was sent on by a server that should have answered it itself."""
        return any(failure.code == ErrorCode.PRIVACY for failure in self.failures)
