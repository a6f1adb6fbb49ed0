"""Samples as points: speeds that are right however unevenly the samples come."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs.store.samples import EVERY_S, Stretch
from monitoring.pages import history
from monitoring.pages.history import APART_S, points, present


def stretch(first_at: float, last_at: float | None = None, **sums: Any) -> Stretch:
    values = {"jobs": 0, "input_tokens": 0, "output_tokens": 0, "running": 0.0, "queued": 0.0}
    last = first_at if last_at is None else last_at
    return Stretch(pool="mlx", first_at=first_at, last_at=last, **values | sums)


def test_a_sample_is_what_was_done_since_the_one_before() -> None:
    found = points([stretch(100, jobs=5), stretch(108, jobs=16, output_tokens=80)], EVERY_S)
    assert [point.jobs_per_s for point in found] == [1.0, 2.0]
    assert found[1].tokens_per_s == 10.0


def test_a_stretch_of_samples_has_their_mean_speed() -> None:
    (_, point) = points([stretch(100), stretch(105, 115, jobs=30)], 15.0)
    assert point.jobs_per_s == 2.0


def test_after_a_break_the_line_begins_anew_and_the_break_is_not_counted_as_slow() -> None:
    first, second = points([stretch(100, jobs=5), stretch(900, jobs=5)], EVERY_S)
    assert (first.follows, second.follows) == (False, False)
    assert second.jobs_per_s == 1.0


def test_coarse_stretches_follow_each_other_across_their_width() -> None:
    found = points([stretch(100, 440), stretch(460, 800)], 360.0)
    assert [point.follows for point in found] == [False, True]


@given(st.lists(st.tuples(st.floats(0.5, APART_S - 0.1), st.integers(0, 1000)), min_size=2))
def test_speeds_times_their_seconds_are_the_jobs(samples: list[tuple[float, int]]) -> None:
    at, stretches = 1_000.0, []
    for gap_s, jobs in samples:
        at += gap_s
        stretches.append(stretch(at, jobs=jobs))
    pairs = zip(stretches, [None, *stretches], strict=False)
    done = sum(
        point.jobs_per_s * history.covered_s(*pair)
        for point, pair in zip(points(stretches, EVERY_S), pairs, strict=True)
    )
    assert abs(done - sum(jobs for _, jobs in samples)) < 0.01 * len(samples)


def test_the_present_speed_is_that_of_the_last_half_minute() -> None:
    slow = [stretch(at, jobs=5) for at in range(900, 970, 5)]
    quick = [stretch(at, jobs=50, output_tokens=100) for at in range(971, 1000, 5)]
    jobs_per_s, tokens_per_s = present([*slow, *quick], 1000.0)
    assert 9 < jobs_per_s <= 10
    assert 18 < tokens_per_s <= 20


def test_nobody_knows_the_present_speed_where_nobody_looked_of_late() -> None:
    assert present([stretch(980, jobs=50)], 1000.0) == (0.0, 0.0)
    assert present([], 1000.0) == (0.0, 0.0)
