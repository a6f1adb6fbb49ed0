"""What is told of the order of a batch and of its deadline."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from jobs.model import Counts
from jobs.states import BatchState
from nightmill.cli.schedule import schedule
from nightmill.status import status_of
from tests.nightmill.samples import BATCH

SEVEN = datetime(2026, 11, 25, 7, tzinfo=UTC).timestamp()


def told(left_s: float | None = None, counts: Counts | None = None, **changes: Any) -> list[str]:
    batch = msgspec.structs.replace(BATCH, **changes)
    status = status_of(batch, counts or Counts(pending=396, running=4), left_s=left_s)
    return list(schedule(status, UTC))


def test_of_a_batch_like_any_other_there_is_nothing_to_tell() -> None:
    assert told() == []


def test_priority_and_limit_are_told_where_somebody_said_them() -> None:
    assert told(priority=5) == ["priority 5"]
    assert told(priority=-1, max_running=1) == ["priority -1, at most 1 row at once"]


@pytest.mark.parametrize(
    ("left_s", "outlook"),
    [
        (101, ", in time at this pace"),
        (99, ": about 1 min late at this pace, and what is not done then expires"),
        (-2300, ": about 40 min late at this pace, and what is not done then expires"),
        (-7100, ": about 2 h 00 min late at this pace, and what is not done then expires"),
    ],
)
def test_a_deadline_is_told_with_what_comes_of_it_at_this_pace(left_s: float, outlook: str) -> None:
    # 400 rows at 4 a second.
    assert told(left_s, deadline=SEVEN) == [f"deadline Wed 07:00{outlook}"]


def test_without_a_pace_only_the_deadline_is_told() -> None:
    assert told(50, Counts(pending=400), deadline=SEVEN) == ["deadline Wed 07:00"]


def test_of_a_batch_that_is_over_no_deadline_is_told() -> None:
    over = Counts(succeeded=4, expired=1)
    assert told(None, over, deadline=SEVEN, state=BatchState.EXPIRED) == []


def test_a_batch_that_has_ended_is_over_once_every_row_has_its_record() -> None:
    batch = msgspec.structs.replace(BATCH, state=BatchState.EXPIRED)
    assert not status_of(batch, Counts(expired=4, pending=1)).is_over
    assert status_of(batch, Counts(expired=5)).is_over
