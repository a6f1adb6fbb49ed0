"""How fast something goes: means that fade by age and are right from the first measurement."""

import math
from dataclasses import dataclass, replace
from typing import Self

from jobs.model import Counts


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast a batch goes, from its counts as they were at the last look."""

    counts: Counts
    #: By the clock of whoever looks, in seconds.
    seen_at: float
    jobs: Rate = Rate(memory_s=30.0)
    #: Tokens of answers; those of prompts are read, not made.
    tokens: Rate = Rate(memory_s=30.0)

    def seen(self, counts: Counts, now: float) -> Self:
        """The pace at the next look. Jobs that were taken back make it no slower than zero."""
        elapsed_s = now - self.seen_at
        if elapsed_s <= 0:
            return self
        jobs = max(0, counts.finished - self.counts.finished)
        tokens = max(0, counts.output_tokens - self.counts.output_tokens)
        return replace(
            self,
            counts=counts,
            seen_at=now,
            jobs=self.jobs.updated(jobs, elapsed_s),
            tokens=self.tokens.updated(tokens, elapsed_s),
        )
