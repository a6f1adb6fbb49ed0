"""What may keep a batch from being done that was handed in just now: said before its night."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nightmill.cli.rests import clock, yet_to_open
from nightmill.rests import PoolRest
from nightmill.status import Status

if TYPE_CHECKING:
    # Read by commands that have them anyway; the others begin without.
    from jobs.settings import Settings


def unserved(status: Status, settings: "Settings", *, is_run_here: bool = False) -> list[str]:
    """That nobody serves a pool which rows wait for, and the way out.

    Where a command of this machine runs the batch, it starts the pools that are configured here.
    """
    missing = [pool for pool in status.unserved if not (is_run_here and pool in settings.pools)]
    return [
        f"No worker serves pool {pool} now: {_way_out(pool, status, settings)}." for pool in missing
    ]


def too_late(status: Status, settings: "Settings", now: float) -> Iterator[str]:
    """That the deadline passes before a pool that rests goes on."""
    if status.deadline is None:
        return
    for rest in (*status.rests, *yet_to_open(status, settings, now)):
        if rest.until is not None and rest.until >= status.deadline:
            yield (
                f"The deadline at {clock(status.deadline, now)} passes before pool {rest.pool}"
                f" {_begins(rest)} at {clock(rest.until, now)}: what waits for it then expires."
            )


def _way_out(pool: str, status: Status, settings: "Settings") -> str:
    if pool not in settings.pools:
        return (
            f"it is not configured here, so `nightmill worker {pool}` where it is, or"
            f" `nightmill edit {status.id} --pool NAME`"
        )
    if settings.broker_url is None:
        return f"`nightmill wait {status.id}` runs the batch, `nightmill up` all that there is"
    return f"`nightmill worker {pool}` does, or `nightmill up`"


def _begins(rest: PoolRest) -> str:
    return "opens" if rest.because == "hours" else "goes on"
