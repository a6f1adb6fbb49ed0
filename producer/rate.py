"""How fast something goes: means that fade by age and are right from the first measurement."""

import math
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """Things a second, as a mean over the last `memory_s` seconds or so.

    Amount and time fade alike. So the first measurement counts in full: a pool of thousands of
    jobs a second is known as one after its first few jobs.
    """

    #: After so many seconds a measurement counts for about a third.
    memory_s: float
    amount: float = 0.0
    seconds: float = 0.0

    @property
    def per_s(self) -> float:
        """The rate; 0 while nothing is known."""
        return self.amount / self.seconds if self.seconds > 0 else 0.0

    def updated(self, amount: float, elapsed_s: float) -> Self:
        """The rate after `amount` more in `elapsed_s` more seconds."""
        keep = math.exp(-elapsed_s / self.memory_s)
        return replace(
            self, amount=self.amount * keep + amount, seconds=self.seconds * keep + elapsed_s
        )
