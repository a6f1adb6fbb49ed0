"""Samples of a pool as points of a chart: pure."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec

from jobs.store.samples import EVERY_S, Stretch

#: Samples further apart than this, in seconds, have a time between them in which nobody looked.
APART_S = 3 * EVERY_S
#: Seconds over which the present speed of a pool is told, as that of a batch is.
PRESENT_S = 30.0


class Point(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A pool in the stretch of time that ends at `at`: speeds, and means of what was there."""

    at: float
    jobs_per_s: float
    tokens_per_s: float
    running: float
    waiting: float
    #: Whether a line leads here from the point before; nobody looked between them if not.
    follows: bool


def by_pool(stretches: Iterable[Stretch], width_s: float) -> dict[str, tuple[Point, ...]]:
    """The points of each pool, for stretches that are ordered by pool and time."""
    return {
        pool: tuple(points(list(of_pool), width_s))
        for pool, of_pool in groupby(stretches, key=lambda each: each.pool)
    }


def points(stretches: Sequence[Stretch], width_s: float) -> list[Point]:
    """The points of one pool, whose stretches of `width_s` come in the order of time."""
    found = []
    before: Stretch | None = None
    for each in stretches:
        found.append(_point(each, before, width_s))
        before = each
    return found


def present(stretches: Sequence[Stretch], now: float) -> tuple[float, float]:
    """Jobs and tokens a second in the last seconds, from single samples; 0 where nobody looks."""
    of_late = [s for s in stretches if s.last_at > now - PRESENT_S]
    if not of_late or of_late[-1].last_at < now - APART_S:
        return 0.0, 0.0
    earlier = [s for s in stretches if s.last_at <= now - PRESENT_S]
    seconds = sum(
        covered_s(s, before)
        for s, before in zip(of_late, [earlier[-1] if earlier else None, *of_late], strict=False)
    )
    return (
        sum(s.jobs for s in of_late) / seconds,
        sum(s.output_tokens for s in of_late) / seconds,
    )


def covered_s(stretch: Stretch, before: Stretch | None) -> float:
    """The seconds in which a stretch was done: each sample reaches back to the one before."""
    gap_s = None if before is None else stretch.first_at - before.last_at
    if gap_s is None or not 0 < gap_s <= APART_S:
        gap_s = EVERY_S
    return stretch.last_at - stretch.first_at + gap_s


def _point(stretch: Stretch, before: Stretch | None, width_s: float) -> Point:
    seconds = covered_s(stretch, before)
    gap_s = 0.0 if before is None else stretch.first_at - before.last_at
    return Point(
        at=round(stretch.last_at, 1),
        jobs_per_s=round(stretch.jobs / seconds, 4),
        tokens_per_s=round(stretch.output_tokens / seconds, 2),
        running=round(stretch.running, 1),
        waiting=round(stretch.queued, 1),
        follows=before is not None and gap_s <= max(APART_S, width_s),
    )
