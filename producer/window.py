"""How much of a pool's work is handed out ahead, and in what portions: pure decisions.

Few jobs beyond the slots, because what one host hoards an idle one could do; enough that no slot
waits for the dispatcher. Several jobs to a message where jobs are short, because a message costs
four round trips however many jobs it names.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

from jobs.wire import MAX_PACK
from producer.rate import Rate

#: Seconds of work that are handed out beyond what runs.
LOOKAHEAD_S = 2.0
#: A job that takes this long, in seconds, has a message to itself.
LONG_JOB_S = 2.0

_UNKNOWN = Rate(memory_s=5.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A pool as the dispatcher left it, to tell at the next look how many jobs have ended."""

    in_flight: int
    #: By the dispatcher's clock, in seconds.
    seen_at: float
    rate: Rate = _UNKNOWN

    def seen(self, in_flight: int, now: float) -> Self:
        """The pool at the next look. What is no longer in flight has ended.

        A pool that had nothing to do says nothing of its speed.
        """
        elapsed_s = now - self.seen_at
        rate = self.rate
        if self.in_flight > 0 and elapsed_s > 0:
            rate = rate.updated(max(0, self.in_flight - in_flight), elapsed_s)
        return replace(self, in_flight=in_flight, seen_at=now, rate=rate)

    def handed(self, jobs: int) -> Self:
        """The pool with so many jobs more in flight, or fewer where some were taken back."""
        return replace(self, in_flight=self.in_flight + jobs)


def window_size(slots: int, jobs_per_s: float) -> int:
    """How many jobs of a pool may be dispatched and unfinished at once."""
    return slots + max(1, math.ceil(LOOKAHEAD_S * jobs_per_s))


def pack_size(slots: int, jobs_per_s: float, most: int = MAX_PACK) -> int:
    """How many jobs go into one message: one while nothing is known or jobs are long.

    The jobs of a pack run side by side as far as there are slots. So it takes as long as one of
    them, `slots / jobs_per_s`, or longer where it has more jobs than there are slots.
    """
    if slots >= LONG_JOB_S * jobs_per_s:
        return 1
    return min(most, math.floor(LONG_JOB_S * jobs_per_s))
