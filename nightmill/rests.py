"""Pools that rest for now: what a status says of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    # A status is told without a database where it can be.
    from jobs.store.hosts import Rest


class PoolRest(msgspec.Struct, frozen=True, kw_only=True):
    """A pool that begins nothing now, though it is well."""

    pool: str
    #: `hours`: it works at other hours; `paused`: somebody paused it.
    because: Literal["hours", "paused"]
    #: When it goes on, in seconds since the epoch; None is when it is resumed.
    until: float | None
    #: What was said when it was paused; empty for hours.
    reason: str


def rests_of(resting: "Mapping[str, Rest]", pools: Sequence[str]) -> tuple[PoolRest, ...]:
    """Those of `pools` that rest."""
    return tuple(
        PoolRest(pool=pool, because=rest.because, until=rest.until, reason=rest.reason)
        for pool in pools
        if (rest := resting.get(pool)) is not None
    )
