"""Whether a host rests now: outside the hours of its pool, or while that is paused."""

import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from jobs.hours import Hours, local_time
from jobs.store.hosts import Rest
from jobs.store.rests import longer

#: For so many seconds what the hours said is believed: the machine may come into another zone.
BELIEVED_S = 60.0


class RestWatch:
    """Judges by the machine's clock and by the last look at the pool's row. For any thread.

    `clock` is in seconds since the epoch, and `local` makes local time of them.
    """

    def __init__(
        self,
        hours: Hours | None = None,
        clock: Callable[[], float] = time.time,
        local: Callable[[float], datetime] = local_time,
    ) -> None:
        #: The pause of the pool when it was last looked at.
        self.pause: Rest | None = None
        self._hours = hours
        self._clock = clock
        self._local = local
        self._judged = _Judged(rest=None, since=math.inf, until=-math.inf)

    @property
    def rest(self) -> Rest | None:
        """Why the host rests, and until when; None while it works."""
        return longer(self.pause, self._outside_hours())

    def _outside_hours(self) -> Rest | None:
        if self._hours is None:
            return None
        now, judged = self._clock(), self._judged
        # A clock may be set back, too.
        if not judged.since <= now < judged.until:
            judged = self._judged = _judged(self._hours, self._local(now), now)
        return judged.rest


class _Judged(NamedTuple):
    """What the hours say from one moment to another."""

    rest: Rest | None
    since: float
    until: float


def _judged(hours: Hours, at: datetime, now: float) -> _Judged:
    change = hours.next_change(at)
    until = math.inf if change is None else change.timestamp()
    rest = None if hours.is_open(at) else Rest(because="hours", until=until)
    return _Judged(rest=rest, since=now, until=min(until, now + BELIEVED_S))
