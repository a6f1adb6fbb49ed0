"""When a pool works: by the clock on the wall, whatever that does."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.hours import DAYS, Hours, local_time

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")]
NIGHT = Hours.parse(["22:00-07:00"])
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["Europe/Berlin", "America/Sao_Paulo"])
def machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone that this machine is in for a test."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


def changes(hours: Hours, at: datetime, count: int) -> list[str]:
    """The next moments at which it opens or closes, in local time with the offset."""
    found = []
    for _ in range(count):
        change = hours.next_change(at)
        assert change is not None
        found.append(change.isoformat(timespec="minutes"))
        at = change
    return found


@pytest.mark.parametrize(
    ("ranges", "is_open", "is_closed"),
    [
        (["22:00-07:00"], "2026-11-24T22:00", "2026-11-24T07:00"),
        (["22:00-07:00"], "2026-11-24T06:59:59", "2026-11-24T21:59:59"),
        (["9:00-12:00", "13:00-17:30"], "2026-11-24T13:00", "2026-11-24T12:00"),
        # The days are those on which the night begins: Saturday morning is Friday's.
        (["mon-fri 22:00-07:00"], "2026-11-28T06:00", "2026-11-23T06:00"),
        (["sat,sun"], "2026-11-28T00:00", "2026-11-27T23:59"),
        (["mon-fri 22:00-07:00", "sat,sun"], "2026-11-28T12:00", "2026-11-30T06:00"),
        (["fri-mon 20:00-24:00"], "2026-11-30T23:59", "2026-11-24T23:59"),
        (["sun 22:00-06:00"], "2026-11-30T05:00", "2026-11-24T05:00"),
        ([" MON - FRI  22:00 - 07:00 "], "2026-11-24T23:00", "2026-11-24T12:00"),
    ],
)
def test_a_pool_is_open_within_its_ranges(ranges: list[str], is_open: str, is_closed: str) -> None:
    hours = Hours.parse(ranges)

    assert hours.is_open(berlin(is_open))
    assert not hours.is_open(berlin(is_closed))


def test_what_is_open_all_week_never_changes() -> None:
    for ranges in (["00:00-24:00"], ["mon-sun"], ["mon-fri", "sat,sun"]):
        assert Hours.parse(ranges).is_open(berlin("2026-11-24T12:00"))
        assert Hours.parse(ranges).next_change(berlin("2026-11-24T12:00")) is None


def test_the_next_change_goes_over_days_that_are_closed() -> None:
    hours = Hours.parse(["mon-fri 22:00-07:00"])

    assert changes(hours, berlin("2026-11-28T03:00"), 3) == [
        "2026-11-28T07:00+01:00",
        "2026-11-30T22:00+01:00",
        "2026-12-01T07:00+01:00",
    ]


def test_the_night_in_which_the_clock_is_put_back_is_an_hour_longer() -> None:
    opened = berlin("2026-10-24T22:00")
    closed = NIGHT.next_change(opened)

    assert closed == berlin("2026-10-25T07:00")
    assert closed.astimezone(UTC) - opened.astimezone(UTC) == timedelta(hours=10)


def test_the_night_in_which_the_clock_is_put_on_is_an_hour_shorter() -> None:
    opened = berlin("2026-03-28T22:00")
    closed = NIGHT.next_change(opened)

    assert closed == berlin("2026-03-29T07:00")
    assert closed.astimezone(UTC) - opened.astimezone(UTC) == timedelta(hours=8)


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    hours = Hours.parse(["02:15-02:45"])

    assert hours.is_open(berlin("2026-10-25T02:30", fold=0))
    assert hours.is_open(berlin("2026-10-25T02:30", fold=1))
    assert changes(hours, berlin("2026-10-25T00:00"), 5) == [
        "2026-10-25T02:15+02:00",
        "2026-10-25T02:45+02:00",
        "2026-10-25T02:15+01:00",
        "2026-10-25T02:45+01:00",
        "2026-10-26T02:15+01:00",
    ]


def test_a_range_in_the_hour_that_is_left_out_does_not_come_that_day() -> None:
    hours = Hours.parse(["02:15-02:45"])

    assert changes(hours, berlin("2026-03-28T12:00"), 1) == ["2026-03-30T02:15+02:00"]


def test_a_range_that_begins_in_the_hour_that_is_left_out_begins_at_its_end() -> None:
    hours = Hours.parse(["02:30-05:00"])

    assert changes(hours, berlin("2026-03-29T00:00"), 2) == [
        "2026-03-29T03:00+02:00",
        "2026-03-29T05:00+02:00",
    ]


def test_the_machine_s_own_time_is_that_of_its_zone(machine_zone: str) -> None:
    zone = ZoneInfo(machine_zone)
    # Hour by hour over both nights of 2026 in which the clocks of Berlin change.
    for begin in (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)):
        for hour in range(24):
            seconds = (begin + timedelta(hours=hour)).timestamp()
            here, there = local_time(seconds), local_time(seconds, zone)
            assert here.isoformat() == there.isoformat()
            assert (here.timestamp(), here.tzname()) == (seconds, there.tzname())
            assert NIGHT.next_change(here) == NIGHT.next_change(there)


@st.composite
def some_hours(draw: st.DrawFn) -> Hours:
    """One range that opens and closes."""
    start = draw(st.integers(0, 1439))
    end = draw(st.integers(0, 1440).filter(lambda minute: minute % 1440 != start))
    days = draw(st.sampled_from(["", "mon-fri ", "sat,sun ", *(f"{day} " for day in DAYS)]))
    return Hours.parse([f"{days}{_clock(start)}-{_clock(end)}"])


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


#: Days before one on which the clock is changed in one of the zones.
DAYS_BEFORE = [
    datetime(2026, month, day, tzinfo=UTC)
    for month, day in ((3, 5), (3, 26), (4, 2), (10, 1), (10, 22), (10, 29))
]
MOMENTS = st.builds(
    lambda day, seconds: day + timedelta(seconds=seconds),
    st.sampled_from(DAYS_BEFORE),
    st.integers(0, 6 * 24 * 3600),
)


@given(hours=some_hours(), at=MOMENTS, zone=st.sampled_from(ZONES))
def test_the_next_change_is_the_first_moment_at_which_it_is_otherwise(
    hours: Hours, at: datetime, zone: ZoneInfo
) -> None:
    at = at.astimezone(zone)
    change = hours.next_change(at)
    assert change is not None
    assert hours.is_open(change) != hours.is_open(at)

    # What is found minute by minute, which is slow and cannot go wrong.
    step = (at + MINUTE).replace(second=0).astimezone(UTC)
    if step <= at.astimezone(UTC):
        step += MINUTE
    while hours.is_open(step.astimezone(zone)) == hours.is_open(at):
        step += MINUTE
    assert change.astimezone(UTC) == step


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], "without one it never opens"),
        ([""], "ranges such as"),
        (["22:00"], "got `22:00`"),
        (["nights"], "days such as"),
        (["22:00-07:00 mon"], "ranges such as"),
        (["25:00-07:00"], "times from 00:00 to 24:00"),
        (["22:60-07:00"], "times from 00:00 to 24:00"),
        (["24:00-07:00"], "begin at 23:59"),
        (["22:00-22:00"], "open at all"),
        (["mon-"], "days such as"),
        (["mon,mon"], "each day once"),
        (["22:00-07:00", "06:00-08:00"], "do not overlap, as `22:00-07:00` and `06:00-08:00` do"),
        (["sun 22:00-07:00", "mon 06:00-08:00"], "do not overlap"),
        (["sat,sun", "sun"], "do not overlap"),
    ],
)
def test_hours_that_cannot_be_meant_say_what_was_expected(ranges: list[str], expected: str) -> None:
    with pytest.raises(ValueError) as refused:
        Hours.parse(ranges)

    assert expected in str(refused.value)
