"""Pausing and resuming what a word names: a batch, or a pool with all of its hosts."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.store import actions, batches, hosts, pauses, rests
from jobs.store.store import Store
from nightmill.machine import who

#: Characters of a reason that fit on a line of a list.
LONGEST_REASON = 200
#: Before the name of a pool that is the name of a batch, too.
POOL = "pool:"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a word names."""

    kind: Literal["batch", "pool"]
    #: The id of the batch, or the name of the pool.
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "batch" else f"pool {self.name}"


@dataclass(frozen=True, kw_only=True)
class Paused:
    """A pause that has begun."""

    target: Target
    reason: str
    #: Seconds since the epoch; None is until it is resumed.
    until: float | None


def pause(
    settings: Settings, store: Store, word: str, reason: str = "", for_s: float | None = None
) -> Paused:
    """Pause a batch or a pool for so many seconds, or until it is resumed.

    Raises `UsageError` where the word names neither, both, or a batch that is over.
    """
    me = who(settings)
    reason = checked_reason(reason) or f"by {me}"
    with store.write(durable=True) as c:
        target = find(c, settings, word)
        if target.kind == "pool":
            rests.pause(c, target.name, reason, for_s)
            rest = rests.pause_of(c, target.name)
            until = None if rest is None else rest.until
            actions.note(c, me, "pause", pool=target.name, reason=reason, until=until)
        else:
            _pause_batch(c, target.name, reason, me, for_s)
            until = batches.get(c, target.name).paused_until
            actions.note(c, me, "pause", batch_id=target.name, reason=reason, until=until)
    return Paused(target=target, reason=reason, until=until)


def resume(settings: Settings, store: Store, word: str) -> tuple[Target, bool]:
    """Let a batch or a pool go on; what the word names, and whether it was paused."""
    with store.write(durable=True) as c:
        target = find(c, settings, word)
        if target.kind == "pool":
            was_paused = target.name in rests.paused(c)
            rests.go_on(c, target.name)
            place = {"pool": target.name}
        else:
            was_paused = pauses.go_on(c, target.name)
            place = {"batch_id": target.name}
        if was_paused:
            actions.note(c, who(settings), "resume", **place)
    return target, was_paused


def find(c: Connection, settings: Settings, word: str) -> Target:
    """What a word names; raises `UsageError` where that is nothing, or not one thing."""
    pools = _pools(c, settings)
    if word.startswith(POOL):
        name = word.removeprefix(POOL)
        if name not in pools:
            raise UsageError(f"There is no pool {name}: {_listed(pools)}.")
        return Target(kind="pool", name=name)
    try:
        batch_id = batches.get(c, word).id
    except UsageError as error:
        if word not in pools:
            raise UsageError(f"{error} It is no pool either: {_listed(pools)}.") from error
        return Target(kind="pool", name=word)
    if word in pools:
        raise UsageError(
            f"{word} is the name of a batch and of a pool. Say {batch_id} for the batch,"
            f" or {POOL}{word} for the pool."
        )
    return Target(kind="batch", name=batch_id)


def checked_reason(reason: str) -> str:
    """A reason as it is kept: on one line. Raises `UsageError` for what cannot be shown there."""
    on_a_line = " ".join(reason.split())
    if len(on_a_line) > LONGEST_REASON or not on_a_line.isprintable():
        raise UsageError(
            f"expected a reason of up to {LONGEST_REASON} characters that can be shown on a line"
        )
    return on_a_line


def _pause_batch(c: Connection, batch_id: str, reason: str, by: str, for_s: float | None) -> None:
    if pauses.pause(c, batch_id, reason, by, for_s) is None:
        state = batches.get(c, batch_id).state
        raise UsageError(f"{batch_id} is {state}: nothing of it runs that could be paused.")


def _pools(c: Connection, settings: Settings) -> list[str]:
    """The pools that there are: configured here, served by somebody, or paused."""
    served = (host.pool for host in hosts.listing(c))
    return sorted({*settings.pools, *served, *rests.paused(c)})


def _listed(pools: list[str]) -> str:
    return f"served or configured here {'is' if len(pools) == 1 else 'are'} {', '.join(pools)}"
