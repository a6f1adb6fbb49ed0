"""Pools that nobody reaches for now, because a tunnel is down: what a status says of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from jobs.tunnels import TunnelState

if TYPE_CHECKING:
    # A status is told without a database where it can be.
    from jobs.store.hosts import HostRow
    from jobs.store.tunnels import TunnelRow


class CutOff(msgspec.Struct, frozen=True, kw_only=True):
    """The tunnel that is down, and a pool that is reached through it."""

    pool: str
    tunnel: str
    #: What it said last of itself: it may have been `up`, and then fallen silent.
    state: TunnelState
    #: Why it is not up, as it said last; empty where it was.
    reason: str
    #: Whether it is heard of; if not, since how many seconds.
    is_alive: bool
    silent_s: float


def cut_off_by(tunnel: "TunnelRow", pool: str) -> CutOff:
    """That this tunnel cuts off a pool."""
    return CutOff(
        pool=pool,
        tunnel=tunnel.name,
        state=tunnel.report.state,
        reason=tunnel.report.reason,
        is_alive=tunnel.is_alive,
        silent_s=max(0.0, tunnel.silent_s),
    )


def pools_cut_off(
    hosts: "Sequence[HostRow]",
    living: "Sequence[HostRow]",
    cut: "Mapping[str, TunnelRow]",
    pools: Sequence[str],
) -> tuple[CutOff, ...]:
    """Those of `pools` that have hosts, of which none is reached and at least one is cut off.

    `hosts` are all that have not left, and `cut` are the tunnels by the names of the hosts that
    they cut off.
    """
    reached = {host.pool for host in living if host.name not in cut}
    by_pool = {host.pool: cut[host.name] for host in hosts if host.name in cut}
    return tuple(
        cut_off_by(by_pool[pool], pool) for pool in pools if pool in by_pool and pool not in reached
    )
