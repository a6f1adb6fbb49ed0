"""A pool that serves nobody because the backends of all its hosts are out of order."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from jobs.errors import StoppedEarlyError

if TYPE_CHECKING:
    # A status is told without a database where it can be.
    from jobs.store.hosts import HostRow

#: Seconds for which a pool is waited for: a server may be restarted, updated, even mended.
PATIENCE_S = 15 * 60.0


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a pool from serving anybody."""

    pool: str
    #: For people; never holds a prompt or an answer.
    text: str
    #: For how many seconds it has been so.
    for_s: float
    #: Whether waiting will not help: somebody has to look first.
    is_out: bool


def trouble_of(hosts: "Sequence[HostRow]", pool: str) -> Trouble | None:
    """What all of a pool's living `hosts` suffer from; None where one is well or none is there."""
    members = [host for host in hosts if host.pool == pool]
    ill = [host for host in members if host.trouble is not None]
    if not members or len(ill) < len(members):
        return None
    best = min(ill, key=lambda host: (host.is_out, host.troubled_s or 0.0))
    return Trouble(
        pool=pool,
        text=best.trouble or "",
        for_s=min(host.troubled_s or 0.0 for host in ill),
        is_out=best.is_out,
    )


def give_up(trouble: Trouble | None, waited_s: float) -> None:
    """Raise `StoppedEarlyError` where waiting for a pool makes no sense any more.

    What was wrong before anybody waited, for `waited_s` seconds by now, may be mended.
    """
    if trouble is None or not (trouble.is_out or min(trouble.for_s, waited_s) >= PATIENCE_S):
        return
    said = "will not" if trouble.is_out else "does not"
    raise StoppedEarlyError(
        f"Pool {trouble.pool} {said} serve anybody: {trouble.text}"
        " Mend that, then give the same command again."
    )
