"""When a batch fails so much that going on would only burn the night: pure decisions.

Judged by the rows that ended last, not by all: a batch whose first half went well may still run
into a wall. Looks at the counts are enough, so no row is ever read for it.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

#: Rows that must have ended before anything is concluded, and the fewest that are judged.
LEAST_ROWS = 100


class Ended(NamedTuple):
    """How many rows of a batch ended, and how; cancelled ones say nothing."""

    succeeded: int
    failed: int

    @property
    def rows(self) -> int:
        """Both together."""
        return self.succeeded + self.failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Endings:
    """How the rows of a batch have ended of late: looks at its counts, the oldest first.

    What had ended at the first look is not judged; lines that could not be read are among that.
    """

    #: The reading of the input that the looks belong to.
    revision: int
    looks: tuple[Ended, ...] = ()

    def seen(self, revision: int, now: Ended) -> Self:
        """The same after one more look. It begins again where rows were opened or read again."""
        before = self.looks[-1] if self.looks else now
        if revision != self.revision or now.succeeded < before.succeeded:
            return replace(self, revision=revision, looks=(now,))
        if now.failed < before.failed:
            return replace(self, looks=(now,))
        if self.looks and now == before:
            return self
        looks = (*self.looks, now)
        # The newest look that lies far enough back makes all before it useless.
        far = [i for i, look in enumerate(looks) if now.rows - look.rows >= LEAST_ROWS]
        return replace(self, looks=looks[far[-1] :] if far else looks)

    @property
    def last(self) -> Ended | None:
        """How the last `LEAST_ROWS` rows ended, or a few more; None while there are fewer."""
        first, now = self.looks[0], self.looks[-1]
        if now.rows - first.rows < LEAST_ROWS:
            return None
        return Ended(now.succeeded - first.succeeded, now.failed - first.failed)


def reason_to_pause(last: Ended | None, max_failures: float) -> str | None:
    """Why a batch should be paused, for people; None where it should not."""
    if last is None or last.failed <= max_failures * last.rows:
        return None
    return (
        f"{last.failed:,} of its last {last.rows:,} rows failed, more than the"
        f" {max_failures * 100:.3g} % allowed"
    )
