"""Why rows of a batch have no answer, in numbers, lines and messages."""

import msgspec

from jobs.model import Places
from jobs.states import JobState
from jobs.store.failures import FailedRow, FailedRows
from nightmill.report import WAYS_OUT

#: Lines that are named for each code.
NAMED_LINES = 5


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of a batch that are over without an answer for the same reason."""

    code: str
    rows: int
    #: The first of their lines in the input.
    lines: tuple[int, ...]
    #: The file of each of these lines; empty where the input has but one.
    files: tuple[str, ...]
    #: What was said about the first of them.
    message: str
    #: What helps.
    way_out: str


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """Why rows of a batch have no answer; also while it runs. Holds no prompt and no answer."""

    id: str
    name: str
    total: int
    failed: int
    #: Number of jobs by state, and of those that failed, were cancelled or expired together.
    counts: dict[JobState, int]
    unsuccessful: int
    #: Most frequent first.
    codes: tuple[FailureGroup, ...]
    #: The first of these rows in the order of the input.
    rows: tuple[FailedRow, ...]


def group_of(failed: FailedRows, batch_id: str, places: Places) -> FailureGroup:
    """The rows of one code, with the way out for this batch."""
    spots = [places.of(line) for line in failed.lines]
    return FailureGroup(
        code=failed.code,
        rows=failed.rows,
        lines=tuple(line for _, line in spots),
        files=tuple(file for file, _ in spots if file is not None),
        message=failed.message,
        way_out=WAYS_OUT[failed.code].replace("BATCH", batch_id),
    )
