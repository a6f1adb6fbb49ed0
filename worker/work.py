"""What one transaction of the worker is to write, and what came of it. Pure values."""

from collections.abc import Mapping

import msgspec

from jobs.model import Claimed, Hint, Outcome
from jobs.store.hosts import Rest, Trouble
from jobs.store.running import Beat


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes to record, hints to claim, and whether the heartbeat goes along."""

    outcomes: tuple[Outcome, ...] = ()
    hints: tuple[Hint, ...] = ()
    is_beat: bool = False
    #: Go with the heartbeat: what the host suffers from, and that it rests.
    trouble: Trouble | None = None
    rest: Rest | None = None

    @property
    def size(self) -> int:
        """How many things it holds that a fault could be in."""
        return len(self.outcomes) + len(self.hints) + self.is_beat

    def halves(self) -> tuple["Work", "Work"]:
        """The same work in two parts, neither of them empty; for two things or more."""
        if self.outcomes and (self.hints or self.is_beat):
            return Work(outcomes=self.outcomes), msgspec.structs.replace(self, outcomes=())
        if self.is_beat:
            return msgspec.structs.replace(self, hints=()), Work(hints=self.hints)
        if self.outcomes:
            middle = len(self.outcomes) // 2
            return Work(outcomes=self.outcomes[:middle]), Work(outcomes=self.outcomes[middle:])
        middle = len(self.hints) // 2
        return Work(hints=self.hints[:middle]), Work(hints=self.hints[middle:])


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a piece of work once it was committed."""

    #: Jobs whose outcome counted; others had ended or gone elsewhere before.
    taken: frozenset[str] = frozenset()
    #: Jobs that this session holds now and did not before, by their id.
    claimed: Mapping[str, Claimed] = {}
    beat: Beat | None = None
    #: With the heartbeat: the pause of the pool, while there is one.
    pause: Rest | None = None
    #: Whether another session has this one's name by now.
    is_replaced: bool = False

    def __add__(self, other: "Written") -> "Written":
        return Written(
            taken=self.taken | other.taken,
            claimed={**self.claimed, **other.claimed},
            beat=self.beat or other.beat,
            pause=self.pause or other.pause,
            is_replaced=self.is_replaced or other.is_replaced,
        )
