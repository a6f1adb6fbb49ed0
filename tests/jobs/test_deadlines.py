"""Whether a batch keeps its deadline."""

import pytest

from jobs.deadlines import is_near, late_by_s


@pytest.mark.parametrize(
    ("left_s", "unfinished", "jobs_per_s", "is_it"),
    [(150, 100, 1, False), (149, 100, 1, True), (-5, 100, 1, True), (1, 0, 1, False)],
)
def test_a_deadline_is_near_when_the_rest_takes_most_of_the_time_left(
    left_s: float, unfinished: int, jobs_per_s: float, is_it: bool
) -> None:
    assert is_near(left_s, 1e6, unfinished, jobs_per_s) is is_it


def test_without_a_pace_a_deadline_is_near_in_the_last_tenth_of_the_time() -> None:
    assert not is_near(101, 1000, 5, 0)
    assert is_near(99, 1000, 5, 0)


def test_how_late_a_batch_will_be_is_what_its_rest_takes_beyond_the_time_left() -> None:
    assert late_by_s(60, 100, 1) == 40
    assert late_by_s(-10, 100, 1) == 110


def test_who_is_in_time_or_done_is_not_late() -> None:
    assert late_by_s(100, 100, 1) == 0
    assert late_by_s(5, 0, 0) == 0


def test_without_a_pace_nobody_knows_how_late_it_will_be() -> None:
    assert late_by_s(60, 100, 0) is None
