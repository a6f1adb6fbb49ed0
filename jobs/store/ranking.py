"""Who gets the free room of a pool: pure decisions.

By priority; among the same priority those whose deadline is near come first; among those each
batch gets as much as the others: whoever has the fewest jobs in flight is next, and of equals
whoever was served longest ago. So ten rows need not wait for ten thousand.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as one pool sees it."""

    batch_id: str
    priority: int = 0
    #: Whether its deadline is near.
    is_urgent: bool = False
    #: Jobs of it in this pool that nobody has claimed yet, and that run.
    dispatched: int = 0
    running: int = 0
    #: How many more it may have in flight, of all pools together; None is any number.
    allowance: int | None = None
    #: Whether jobs of it could be handed out now; and such as have to be alone in the pool.
    is_waiting: bool = True
    has_suspects: bool = False
    #: The lowest was served longest ago.
    turn: int = 0
    created_at: float = 0.0

    @property
    def in_flight(self) -> int:
        """Jobs of it that this pool has."""
        return self.dispatched + self.running

    @property
    def is_full(self) -> bool:
        """Whether it has as many jobs in flight as it may."""
        return self.allowance is not None and self.allowance <= 0

    def served(self, jobs: int, asked: int) -> "Contender":
        """The same when it was given so many jobs; fewer than asked: it has no more."""
        return msgspec.structs.replace(
            self,
            dispatched=self.dispatched + jobs,
            allowance=None if self.allowance is None else self.allowance - jobs,
            is_waiting=self.is_waiting and jobs == asked,
        )


def in_line(contenders: Iterable[Contender]) -> list[Contender]:
    """Those who can be given something, the next one first.

    It ends with the rank in which a batch has only suspects left: for these the pool has to get
    empty, so what comes later must not keep it full.
    """
    able = [c for c in contenders if (c.is_waiting or c.has_suspects) and not c.is_full]
    line: list[Contender] = []
    for _, rank in groupby(sorted(able, key=_place), key=_rank):
        line += rank
        if not all(c.is_waiting for c in line):
            break
    return line


def share(contenders: Iterable[Contender], room: int) -> dict[str, int]:
    """How many jobs of each batch fill the room, as if each that waits had any number of them."""
    able = [c for c in contenders if c.is_waiting and not c.is_full]
    shares: dict[str, int] = {}
    for _, rank in groupby(sorted(able, key=_place), key=_rank):
        given = _level(list(rank), room)
        shares |= given
        room -= sum(given.values())
    return shares


def in_turn(given: Iterable[tuple[Contender, Sequence[T]]]) -> list[tuple[str, T]]:
    """What batches of any ranks were given, with their ids, in the order in which it was due.

    The batches are as they were before.
    """
    placed = [
        ((_rank(c), c.in_flight + number, _turn(c)), c.batch_id, job)
        for c, jobs in given
        for number, job in enumerate(jobs)
    ]
    return [(batch_id, job) for _, batch_id, job in sorted(placed, key=lambda p: p[0])]


def is_out_of_order(contenders: Sequence[Contender]) -> bool:
    """Whether what nobody has claimed yet should be taken back and handed out anew.

    So it is where somebody who waits would get most of what he may have from others who came
    first, and where a batch has more in flight than it may. What differs by a few jobs, as it
    always does while jobs end, is left alone.
    """
    unclaimed = sum(c.dispatched for c in contenders)
    if not unclaimed:
        return False
    if any(c.dispatched and c.allowance is not None and c.allowance < 0 for c in contenders):
        return True
    fair = share(map(_as_if_taken_back, contenders), unclaimed)
    return any(
        c.is_waiting and 2 * c.in_flight < c.running + fair.get(c.batch_id, 0) for c in contenders
    )


def _rank(c: Contender) -> tuple[int, bool]:
    return (-c.priority, not c.is_urgent)


def _place(c: Contender) -> tuple[object, ...]:
    return (*_rank(c), c.in_flight, *_turn(c))


def _turn(c: Contender) -> tuple[int, float, str]:
    return (c.turn, c.created_at, c.batch_id)


def _level(peers: Sequence[Contender], room: int) -> dict[str, int]:
    """Fill the room from below: those with the fewest jobs in flight get theirs first."""
    level = min(c.in_flight for c in peers)
    # Those with the fewest may have as many as they are allowed long before the room is full.
    above = max(c.in_flight for c in peers) + room + 1
    # As high as the room reaches for all; what is left of it then raises some of them by one.
    while above - level > 1:
        middle = (level + above) // 2
        if sum(_up_to(c, middle) for c in peers) <= room:
            level = middle
        else:
            above = middle
    shares = {c.batch_id: _up_to(c, level) for c in peers}
    rest = room - sum(shares.values())
    higher = [c for c in peers if _up_to(c, level + 1) > shares[c.batch_id]]
    for c in sorted(higher, key=_turn)[: max(0, rest)]:
        shares[c.batch_id] += 1
    return {batch_id: jobs for batch_id, jobs in shares.items() if jobs > 0}


def _up_to(c: Contender, level: int) -> int:
    """How many jobs raise a batch to so many in flight, or to what it may have."""
    wanted = max(0, level - c.in_flight)
    return wanted if c.allowance is None else min(wanted, max(0, c.allowance))


def _as_if_taken_back(c: Contender) -> Contender:
    """A batch whose unclaimed jobs wait again, before others that are its equals."""
    if not c.dispatched:
        return c
    room = None if c.allowance is None else c.allowance + c.dispatched
    return msgspec.structs.replace(
        c,
        dispatched=0,
        # One that has no others waiting gets its own back.
        allowance=room if c.is_waiting else c.dispatched,
        is_waiting=True,
        turn=-1,
    )
