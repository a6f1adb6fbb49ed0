"""When a host rests: by the hours of its pool, and by the pause of it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobs.hours import Hours, local_time
from jobs.store.hosts import Rest
from worker.rest import BELIEVED_S, RestWatch

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Hours.parse(["22:00-07:00"])


class Clock:
    """A clock of a machine in Berlin, which shows what the test says."""

    def __init__(self, shows: str) -> None:
        self.set(shows)

    def set(self, shows: str) -> None:
        self.now = moment(shows)

    def __call__(self) -> float:
        return self.now


def moment(shows: str) -> float:
    return datetime.fromisoformat(shows).replace(tzinfo=BERLIN).timestamp()


def watch_with(clock: Clock, hours: Hours | None = NIGHT) -> RestWatch:
    return RestWatch(hours, clock, lambda seconds: local_time(seconds, BERLIN))


def test_without_hours_and_pause_it_never_rests() -> None:
    assert RestWatch().rest is None


def test_it_rests_outside_its_hours_until_they_begin() -> None:
    clock = Clock("2026-11-24 06:59:59")
    watch = watch_with(clock)
    assert watch.rest is None

    clock.set("2026-11-24 07:00:00")
    assert watch.rest == Rest(because="hours", until=moment("2026-11-24 22:00"))

    clock.set("2026-11-24 21:59:59")
    assert watch.rest == Rest(because="hours", until=moment("2026-11-24 22:00"))

    clock.set("2026-11-24 22:00:00")
    assert watch.rest is None


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-10-24", 10), ("2026-03-28", 8), ("2026-11-24", 9)]
)
def test_a_night_in_which_the_clock_is_changed_lasts_until_the_wall_says_seven(
    night: str, hours: int
) -> None:
    clock = Clock(f"{night} 22:00")
    watch = watch_with(clock)
    worked = 0
    while watch.rest is None:
        worked += 1
        clock.now += 60

    assert timedelta(minutes=worked) == timedelta(hours=hours)
    assert local_time(clock.now, BERLIN).hour == 7


def test_a_clock_that_is_set_back_is_followed() -> None:
    clock = Clock("2026-11-24 07:00:00")
    watch = watch_with(clock)
    assert watch.rest is not None

    clock.set("2026-11-24 06:00:00")

    assert watch.rest is None


def test_a_machine_that_comes_into_another_zone_notices_within_a_minute() -> None:
    clock, zone = Clock("2026-11-24 12:00:00"), BERLIN
    watch = RestWatch(NIGHT, clock, lambda seconds: local_time(seconds, zone))
    assert watch.rest is not None

    zone = ZoneInfo("Asia/Tokyo")
    clock.now += 5 * 3600
    assert watch.rest is None
    zone = BERLIN
    clock.now += BELIEVED_S
    assert watch.rest is not None


def test_it_rests_while_its_pool_is_paused() -> None:
    watch = RestWatch()
    paused = Rest(because="paused", until=None, reason="filming")
    watch.pause = paused
    assert watch.rest == paused

    watch.pause = None
    assert watch.rest is None


def test_of_a_pause_and_its_hours_what_ends_later_is_told() -> None:
    watch = watch_with(Clock("2026-11-24 12:00"))
    watch.pause = Rest(because="paused", until=moment("2026-11-24 14:00"))
    assert watch.rest == Rest(because="hours", until=moment("2026-11-24 22:00"))

    watch.pause = Rest(because="paused", until=moment("2026-11-24 23:00"))
    assert watch.rest == watch.pause
