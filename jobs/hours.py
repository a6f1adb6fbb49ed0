"""The hours in which a pool works: ranges of local time, over midnight and over changes of clock.

What counts is what a clock on the wall shows. So in the night in which it is put back, the hour
that comes twice is open twice, and in the other one a range that lies in the hour that is left out
does not come at all.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import combinations
from typing import Self

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOUR = 60
_DAY = 24 * _HOUR
_WEEK = len(DAYS) * _DAY

_TIME = r"(\d{1,2}):(\d\d)"
_RANGE = re.compile(rf"(?:([a-z,\s-]+?)\s*)?(?:{_TIME}\s*-\s*{_TIME})?", re.ASCII | re.IGNORECASE)
_LIKE = "ranges such as `22:00-07:00`, `mon-fri 22:00-07:00` or `sat,sun`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One stretch of a week, in minutes since Monday 00:00; `end` may lie in the week after."""

    start: int
    end: int

    def has(self, minute: int) -> bool:
        """Whether a minute of the week lies in it."""
        return (minute - self.start) % _WEEK < self.end - self.start

    def meets(self, other: Self) -> bool:
        """Whether the two have any minute in common."""
        return self.has(other.start) or other.has(self.start)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """When a pool works. Times are given with their zone, in whose local time they are judged."""

    spans: tuple[Span, ...]

    @classmethod
    def parse(cls, ranges: Sequence[str]) -> Self:
        """Read ranges such as `mon-fri 22:00-07:00`; the days are those on which one begins.

        Raises `ValueError` that says what was expected, as a part of a sentence.
        """
        if not ranges:
            raise ValueError("a range or more: without one it never opens; leave it out for always")
        read = [_read(text) for text in ranges]
        for (text, spans, is_timed), (other, others, is_timed_too) in combinations(read, 2):
            # A whole day may well take in the morning after a night that began before it.
            if is_timed == is_timed_too and any(a.meets(b) for a in spans for b in others):
                raise ValueError(f"ranges that do not overlap, as `{text}` and `{other}` do")
        return cls(spans=tuple(span for _, spans, _ in read for span in spans))

    def is_open(self, at: datetime) -> bool:
        """Whether the pool works at this time."""
        minute = _minute_of_week(at)
        return any(span.has(minute) for span in self.spans)

    def next_change(self, at: datetime) -> datetime | None:
        """The first moment after `at` at which the pool opens or closes; None where it never does.

        In the zone of `at`.
        """
        was_open, until = self.is_open(at), at.astimezone(UTC) + timedelta(days=9)
        while at.astimezone(UTC) < until:
            at = self._next_step(at)
            if self.is_open(at) != was_open:
                return at
        return None

    def _next_step(self, at: datetime) -> datetime:
        """The end of the stretch in which neither a range begins or ends nor the clock changes."""
        minute = _minute_of_week(at)
        edges = {edge for span in self.spans for edge in (span.start, span.end)}
        minutes = min((edge - minute - 1) % _WEEK + 1 for edge in edges)
        # From midnight to midnight at most: so no two changes of the clock hide in one step.
        minutes = min(minutes, _DAY - minute % _DAY)
        past_s = at.second + at.microsecond / 1e6
        then = _later(at, 60 * minutes - past_s)
        if then.utcoffset() == at.utcoffset():
            return then
        return _change_of_clock(at, then)


def local_time(seconds: float, zone: tzinfo | None = None) -> datetime:
    """A moment in seconds since the epoch, by the clocks of this machine or those of a zone."""
    return datetime.fromtimestamp(seconds, _MachineZone() if zone is None else zone)


class _MachineZone(tzinfo):
    """The zone of this machine, whose offset changes as its clocks do."""

    def fromutc(self, when: datetime) -> datetime:
        # Knows which one of an hour that comes twice it is.
        local = datetime.fromtimestamp(when.replace(tzinfo=UTC).timestamp())  # noqa: DTZ006
        return local.replace(tzinfo=self)

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None if when is None else when.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _when: datetime | None) -> timedelta | None:
        return None

    def tzname(self, when: datetime | None) -> str | None:
        return None if when is None else when.replace(tzinfo=None).astimezone().tzname()


def _minute_of_week(at: datetime) -> int:
    return at.weekday() * _DAY + at.hour * _HOUR + at.minute


def _later(at: datetime, seconds: float) -> datetime:
    """`at` so many seconds later, whatever the clock on the wall does meanwhile."""
    return (at.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(at.tzinfo)


def _change_of_clock(before: datetime, after: datetime) -> datetime:
    """The first second between two moments at which the clock is as it is at the second one."""
    apart_s = (after.astimezone(UTC) - before.astimezone(UTC)).total_seconds()
    # It changes on a whole second.
    low, high = 0, int(apart_s) + 1
    start = before.replace(microsecond=0)
    while high - low > 1:
        middle = (low + high) // 2
        if _later(start, middle).utcoffset() == before.utcoffset():
            low = middle
        else:
            high = middle
    return _later(start, high)


def _read(text: str) -> tuple[str, tuple[Span, ...], bool]:
    """A range, its spans of the week, and whether it names times of day."""
    found = _RANGE.fullmatch(text.strip())
    if found is None or not text.strip():
        raise ValueError(f"{_LIKE}, got `{text}`")
    named, *times = found.groups()
    days = list(range(len(DAYS))) if named is None else list(_days(named, text))
    if times[0] is None:
        return text, tuple(_spans(days, 0, _DAY)), False
    start, end = _minute(times[0], times[1], text), _minute(times[2], times[3], text)
    if start == end:
        raise ValueError(f"ranges that open at all, which `{text}` does not")
    if start == _DAY:
        raise ValueError(f"ranges that begin at 23:59 at the latest, got `{text}`")
    return text, tuple(_spans(days, start, end if end > start else end + _DAY)), True


def _spans(days: Iterable[int], start: int, end: int) -> Iterator[Span]:
    for day in days:
        yield Span(start=day * _DAY + start, end=day * _DAY + end)


def _minute(hour: str, minute: str, text: str) -> int:
    """Minutes since midnight; 24:00 is the end of a day."""
    total = int(hour) * _HOUR + int(minute)
    if int(minute) >= _HOUR or total > _DAY:
        raise ValueError(f"times from 00:00 to 24:00, got `{text}`")
    return total


def _days(named: str, text: str) -> Iterator[int]:
    """The days of `mon-fri` or `sat,sun`; `fri-mon` goes over the end of the week."""
    seen: set[int] = set()
    for part in named.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"days such as `mon-fri` or `sat,sun`, got `{text}`")
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % len(DAYS) if dash else 0
        days = {(begin + step) % len(DAYS) for step in range(length + 1)}
        if days & seen:
            raise ValueError(f"each day once, got `{text}`")
        seen |= days
    yield from sorted(seen)
