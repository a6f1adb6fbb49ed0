"""Deadlines as people give them: `8h`, `07:00`, `2026-11-25T07:00`."""

import re
import time
from datetime import datetime, timedelta, tzinfo
from datetime import time as time_of_day

from jobs.durations import parse_duration
from jobs.errors import UsageError
from jobs.store.editing import NO_DEADLINE

FORMS = "a time from now (8h, 1h30m), of the day (07:00) or a date with a time (2026-11-25T07:00)"

_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_DATE_AND_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", re.ASCII)


def deadline_at(text: str) -> float:
    """When a deadline is that was given just now, in seconds since the epoch by our clock.

    Raises `UsageError` for a text that says nothing of the kind, and for one in the past.
    """
    now = time.time()
    try:
        return now + seconds_until(text, now, None)
    except ValueError as error:
        raise UsageError(f"The deadline: {error}.") from None


def new_deadline_at(text: str) -> float:
    """When a deadline is that is given anew; `none` takes it away.

    Raises `UsageError` as `deadline_at` does.
    """
    return NO_DEADLINE if text == "none" else deadline_at(text)


def seconds_until(text: str, now: float, tz: tzinfo | None) -> float:
    """Seconds from `now` until a deadline; more than 0.

    A time of the day is the next one on the clocks of a zone, None being this machine's: where
    that clock is set back in the night, and shows it twice, the first of them that is still ahead.
    Raises `ValueError` whose message says what is wrong, as a part of a sentence.
    """
    text = text.strip()
    if found := _TIME_OF_DAY.fullmatch(text):
        return _next(_time(text, *map(int, found.groups())), now, tz) - now
    if _DATE_AND_TIME.fullmatch(text):
        return _ahead(text, _moment(text, tz), now)
    try:
        return parse_duration(text)
    except ValueError:
        raise ValueError(f"expected {FORMS}, got `{text}`") from None


def _time(text: str, hour: int, minute: int) -> time_of_day:
    try:
        return time_of_day(hour, minute)
    except ValueError:
        raise ValueError(f"there is no time of the day `{text}`") from None


def _next(wanted: time_of_day, now: float, tz: tzinfo | None) -> float:
    today = datetime.fromtimestamp(now, tz).date()
    days = [today + timedelta(days=ahead) for ahead in range(3)]
    moments = [m for day in days for m in _moments(datetime.combine(day, wanted, tz))]
    return min(moment for moment in moments if moment > now)


def _moments(local: datetime) -> list[float]:
    """When clocks show this: once, twice where they are set back, and where they are set forward
    past it the moment at which they would have.
    """
    first, second = (local.replace(fold=fold).timestamp() for fold in (0, 1))
    return [first, second] if second > first else [first]


def _ahead(text: str, moment: float, now: float) -> float:
    if moment <= now:
        raise ValueError(f"`{text}` has passed already")
    return moment - now


def _moment(text: str, tz: tzinfo | None) -> float:
    try:
        found = datetime.fromisoformat(text)
        # One without an offset is on the clocks of the zone.
        return (found if found.tzinfo else found.replace(tzinfo=tz)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"there is no date and time `{text}`") from None
