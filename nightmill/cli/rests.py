"""What is said of pools that rest, and of pauses that end."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.hours import local_time
from nightmill.cli.tunnels import why_cut_off
from nightmill.rests import PoolRest
from nightmill.status import Status

if TYPE_CHECKING:
    # Read by commands that have them anyway; the others begin without.
    from jobs.settings import Settings

_WEEK = timedelta(days=6)


def clock(until: float, now: float | None = None) -> str:
    """A moment as people name it: `22:00`, `Mon 22:00`, `2026-12-24 22:00`; in local time."""
    # What ends at ten by one clock may end a blink before that by another.
    then = local_time(round(until))
    here = local_time(time.time() if now is None else now)
    if then - here < timedelta(0) or then - here >= _WEEK:
        return f"{then:%Y-%m-%d %H:%M}"
    if then.date() == here.date() or then - here < timedelta(hours=12):
        return f"{then:%H:%M}"
    return f"{then:%a %H:%M}"


def of_pool(rest: PoolRest, now: float | None = None) -> str:
    """`pool mlx rests until 22:00, its hours`, or `pool mlx is paused until 14:30: filming`."""
    until = "" if rest.until is None else f" until {clock(rest.until, now)}"
    if rest.because == "hours":
        return f"pool {rest.pool} rests{until or ' for good'}, its hours"
    return f"pool {rest.pool} is paused{until}: {rest.reason}"


def pause_of(status: Status) -> str:
    """`paused until 14:30: by anna@studio`; for a batch that is paused."""
    until = "" if status.paused_until is None else f" until {clock(status.paused_until)}"
    return f"paused{until}: {status.paused_reason}"


def before_it_starts(status: Status, settings: "Settings", now: float) -> list[str]:
    """Of the pools that a batch waits for and nobody serves yet: those that will rest at first."""
    said = []
    for pool in status.unserved:
        hours = settings.pools[pool].opening if pool in settings.pools else None
        at = local_time(now)
        if hours is not None and not hours.is_open(at):
            change = hours.next_change(at)
            until = None if change is None else change.timestamp()
            said.append(of_pool(PoolRest(pool=pool, because="hours", until=until, reason=""), now))
    return said


def why_nothing_begins(status: Status) -> str:
    """Why a batch stands still: paused, or each of its pools rests or is cut off; else empty."""
    if status.paused_reason is not None:
        return f"it is {pause_of(status)} (nightmill resume {status.id})"
    idle = {rest.pool for rest in status.rests} | {cut.pool for cut in status.cut_off}
    if status.pools and idle.issuperset(status.pools):
        return "; ".join(
            [
                *map(of_pool, status.rests),
                *(f"pool {cut.pool} {why_cut_off(cut)}" for cut in status.cut_off),
            ]
        )
    return ""
