"""What came of a batch: why rows failed, and who did the work."""

import msgspec

from jobs.codes import ErrorCode

WAYS_OUT = {code.value: code.way_out for code in ErrorCode}


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that failed for the same reason."""

    code: str
    rows: int
    #: The first of their lines in the input.
    first_line: int
    #: What was said about one of them.
    message: str


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that the same host answered with the same model."""

    host: str
    model: str
    rows: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Why rows failed, most frequent first, and who answered the others."""

    failures: tuple[Failure, ...]
    shares: tuple[Share, ...]
