"""Why rows of a batch failed, in numbers, lines and messages."""

import msgspec

from jobs.store.failures import FailedRow, FailedRows
from nightmill.report import WAYS_OUT

#: Lines that are named for each code.
NAMED_LINES = 5


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of a batch that failed with the same code."""

    code: str
    rows: int
    #: The first of their lines in the input.
    lines: tuple[int, ...]
    #: What was said about the first of them.
    message: str
    #: What helps.
    way_out: str


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """Why rows of a batch failed; also while it runs. Holds no prompt and no answer."""

    id: str
    name: str
    total: int
    failed: int
    #: Most frequent first.
    codes: tuple[FailureGroup, ...]
    #: The first failed rows in the order of the input.
    rows: tuple[FailedRow, ...]


def group_of(failed: FailedRows, batch_id: str) -> FailureGroup:
    """The failures of one code, with the way out of them for this batch."""
    return FailureGroup(
        code=failed.code,
        rows=failed.rows,
        lines=failed.lines,
        message=failed.message,
        way_out=WAYS_OUT[failed.code].replace("BATCH", batch_id),
    )
