"""How fast a batch goes, told only once its jobs have shown it."""

from dataclasses import dataclass, replace
from typing import Self

from jobs.model import Counts
from producer.rate import Rate

_UNKNOWN = Rate(memory_s=30.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The speed of a batch, from its counts at one look after the other.

    The clock begins when the first jobs have ended: the time before that was for loading the
    model. Nothing is told until as many have ended since then as run at a time: jobs that began
    together end together, and the first of them say nothing of how long the next ones take.
    """

    #: As they were when jobs ended last, or when the clock was set.
    counts: Counts
    #: When that was, and when the last look was, by the clock of whoever looks, in seconds.
    since: float
    seen_at: float
    #: Jobs that are yet to end before it is measured: the first ones, whatever time they took.
    to_skip: int = 1
    #: Jobs that ended after those; those of the last time; jobs that ran at the last look.
    ended: int = 0
    last_ended: int = 0
    running: int = 0
    jobs: Rate = _UNKNOWN
    #: Tokens of answers; those of prompts are read, not made.
    tokens: Rate = _UNKNOWN

    @classmethod
    def from_now(cls, counts: Counts, now: float) -> Self:
        """Nothing is known yet."""
        return cls(counts=counts, since=now, seen_at=now, running=counts.running)

    @classmethod
    def after_move(cls, counts: Counts, now: float) -> Self:
        """Nothing is known any more: others do the jobs. Those that run end where they were."""
        return replace(cls.from_now(counts, now), to_skip=max(1, counts.running))

    @property
    def jobs_per_s(self) -> float:
        """Jobs that end a second; 0 while that is not known."""
        return self.jobs.per_s * self._confidence

    @property
    def tokens_per_s(self) -> float:
        """Tokens that are written a second; 0 while that is not known."""
        return self.tokens.per_s * self._confidence

    def seen(self, counts: Counts, now: float) -> Self:
        """The pace at the next look."""
        ended = counts.finished - self.counts.finished
        looked = replace(self, seen_at=now, running=counts.running)
        if ended == 0 and counts.running:
            return looked
        if ended <= 0 or now <= self.since:
            # Jobs that were opened again, or none that runs: what passes now is no time of theirs.
            return replace(looked, counts=counts, since=now)
        if self.to_skip:
            # Of what ran at a move some may have been handed back, and never end.
            left = max(0, min(self.to_skip - ended, counts.running))
            return replace(looked, counts=counts, since=now, to_skip=left)
        elapsed_s = now - self.since
        tokens = max(0, counts.output_tokens - self.counts.output_tokens)
        return replace(
            looked,
            counts=counts,
            since=now,
            ended=self.ended + ended,
            last_ended=ended,
            jobs=self.jobs.updated(ended, elapsed_s),
            tokens=self.tokens.updated(tokens, elapsed_s),
        )

    @property
    def _confidence(self) -> float:
        """0 before enough jobs have ended; less than 1 when the next ones let wait for them."""
        if self.ended < max(1, self.running):
            return 0.0
        waited_s = self.seen_at - self.since
        expected = self.jobs.per_s * waited_s
        return min(1.0, self.last_ended / expected) if expected > 0 else 1.0
