"""Whether somebody who looks every second has really done so: only then may it judge who is late.

Whoever slept with its machine, was stopped, or could not reach the store wakes up to leases that
ran out meanwhile. Their holders are given a moment to be heard of first.
"""

from dataclasses import dataclass, replace
from typing import Self

#: Seconds without a look after which something was wrong with the one who looks. More than a
#: broker that does not answer holds it up, and far less than a lease.
GAP_S = 15.0
#: Seconds that others then get to be heard of: workers beat every second, and try as often.
CYCLE_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """Since when there was no gap; times are in seconds of a clock that counts sleep."""

    since: float
    looked_at: float

    @classmethod
    def beginning(cls, now: float) -> Self:
        """Nobody knows what was before."""
        return cls(since=now, looked_at=now)

    def looked(self, now: float) -> Self:
        """The next look."""
        is_gap = now - self.looked_at > GAP_S
        return replace(self, since=now if is_gap else self.since, looked_at=now)

    def ended(self, now: float) -> Self:
        """The look took until now, which is no gap."""
        return replace(self, looked_at=max(now, self.looked_at))

    @property
    def may_judge(self) -> bool:
        """Whether it has lasted long enough."""
        return self.looked_at - self.since >= CYCLE_S
