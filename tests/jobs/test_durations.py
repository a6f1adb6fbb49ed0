"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.durations import LONGEST_S, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("45m", 2_700),
        ("8h", 28_800),
        ("2d", 172_800),
        ("1h30m", 5_400),
        ("1d2h3m4s", 93_784),
        (" 1h 30m ", 5_400),
        ("1.5h", 5_400),
        ("0h30m", 1_800),
        ("3650d", LONGEST_S),
    ],
)
def test_a_duration_is_its_parts_added_up(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "  ", "8", "h", "8 hours", "30m1h", "1h1h", "-1h", "1e3s", "٣h", "07:00", "8H"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 90s, 45m, 8h, 2d or 1h30m, got"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "0h0m", "3651d", "999999999d"])
def test_a_duration_of_nothing_or_of_ages_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than 0 s and at most 3650d"):
        parse_duration(text)


@given(hours=st.integers(0, 1000), minutes=st.integers(0, 10_000))
def test_whole_hours_and_minutes_are_exact(hours: int, minutes: int) -> None:
    if hours or minutes:
        assert parse_duration(f"{hours}h{minutes}m") == 3_600 * hours + 60 * minutes


@given(st.text(alphabet="0123456789.dhms -"))
def test_any_text_gives_seconds_or_a_sentence(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        seconds, sentence = LONGEST_S, str(error)
    else:
        sentence = "expected a duration"
    assert 0 < seconds <= LONGEST_S
    assert sentence.startswith("expected a duration")
