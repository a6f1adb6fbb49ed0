"""Deadlines as people give them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import UsageError
from nightmill.deadline import deadline_at, seconds_until

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600


def at(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


def hours(text: str, now: str, fold: int = 0) -> float:
    return seconds_until(text, at(now, fold), BERLIN) / HOUR


def test_a_duration_counts_from_now() -> None:
    assert hours("8h", "2026-11-24T22:00") == 8
    assert hours("1h30m", "2026-11-24T22:00") == 1.5


def test_a_time_of_the_day_is_the_next_one() -> None:
    assert hours("07:00", "2026-11-24T22:00") == 9
    assert hours("23:30", "2026-11-24T22:00") == 1.5
    assert hours("7:00", "2026-11-24T06:00") == 1


def test_the_time_that_it_is_now_is_tomorrows() -> None:
    assert hours("22:00", "2026-11-24T22:00") == 24


def test_a_night_in_which_the_clock_is_set_forward_is_an_hour_shorter() -> None:
    assert hours("07:00", "2026-03-28T22:00") == 8


def test_a_night_in_which_the_clock_is_set_back_is_an_hour_longer() -> None:
    assert hours("07:00", "2026-10-24T22:00") == 10


def test_a_time_that_the_clock_shows_twice_is_the_first_one_ahead() -> None:
    assert hours("02:30", "2026-10-24T22:00") == 4.5
    assert hours("02:30", "2026-10-25T02:45", fold=0) == 0.75
    assert hours("02:30", "2026-10-25T02:45", fold=1) == 23.75


def test_a_time_that_the_clock_leaves_out_is_when_it_would_have_been() -> None:
    assert hours("02:30", "2026-03-28T22:00") == 4.5


def test_a_date_and_time_is_on_the_clocks_of_the_zone() -> None:
    assert hours("2026-11-25T07:00", "2026-11-24T22:00") == 9
    assert hours("2026-11-25 07:00:30", "2026-11-25T07:00") == pytest.approx(30 / HOUR)


def test_a_date_and_time_may_say_its_offset() -> None:
    assert hours("2026-11-25T07:00+00:00", "2026-11-24T22:00") == 10


def test_the_zone_of_the_machine_is_as_good_as_any() -> None:
    now = datetime.fromisoformat("2026-11-24T22:00").timestamp()
    assert seconds_until("07:00", now, None) == 9 * HOUR
    assert seconds_until("2026-11-25T07:00", now, None) == 9 * HOUR


@pytest.mark.parametrize("text", ["2026-11-24T21:59", "2026-11-24T22:00", "1970-01-01T00:00"])
def test_a_deadline_in_the_past_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="has passed already"):
        hours(text, "2026-11-24T22:00")


@pytest.mark.parametrize("text", ["25:00", "07:60", "2026-13-01T07:00", "2026-02-30T07:00"])
def test_a_time_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="there is no"):
        hours(text, "2026-11-24T22:00")


@pytest.mark.parametrize("text", ["", "soon", "8", "7", "-1h", "0s", "07:00:00", "2026-11-25"])
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a time from now \(8h, 1h30m\)"):
        hours(text, "2026-11-24T22:00")


def test_who_gives_a_command_is_told_in_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"The deadline: `2020-01-01T00:00` has passed already\."):
        deadline_at("2020-01-01T00:00")


@given(
    now=st.floats(at("2020-01-01T00:00"), at("2035-01-01T00:00")).map(int),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
)
def test_the_next_time_of_the_day_is_what_the_clock_shows_within_a_day_or_so(
    now: int, hour: int, minute: int
) -> None:
    left = seconds_until(f"{hour:02}:{minute:02}", now, BERLIN)
    assert 0 < left <= timedelta(hours=25).total_seconds()
    shown = datetime.fromtimestamp(now + left, BERLIN)
    # Where the clock is set forward past it, it shows an hour more.
    assert (shown.hour, shown.minute) in {(hour, minute), ((hour + 1) % 24, minute)}
