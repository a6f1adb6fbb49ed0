"""Which workers there are, on which machines, and how they are."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from jobs.store import hosts, rests, tunnels
from jobs.store.store import Store
from jobs.tunnels import TunnelReport
from nightmill.cut_off import CutOff, cut_off_by
from nightmill.rests import PoolRest, rests_of

HostState = Literal["alive", "troubled", "resting", "cut off", "silent"]


class HostStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One worker; the fields are those of `nightmill hosts --json`."""

    #: Pool and machine: `mlx@studio`.
    name: str
    pool: str
    #: `troubled`: its backend serves nobody now. `silent`: it was not heard of for half a minute,
    #: gets no work, and what it holds comes back when its leases run out. `resting`: its pool is
    #: paused, or works at other hours. `cut off`: a tunnel by which it is reached is down.
    state: HostState
    #: What its backend suffers from; None while it is well.
    trouble: str | None
    #: Why it rests, while it does.
    rest: PoolRest | None
    #: The tunnel that is down, while it is.
    cut_off: CutOff | None
    slots: int
    running: int
    models: tuple[str, ...]
    #: What machine it is, for people.
    machine: str
    #: Nightmill's version.
    version: str
    #: Versions of what it runs on, by name.
    software: dict[str, str]
    session: str
    #: Seconds since the epoch, by the store's clock.
    started_at: float
    #: Seconds since it was last heard of.
    silent_s: float


class TunnelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One tunnel; the fields are those of `nightmill hosts --json`."""

    name: str
    #: Whether it is heard of.
    is_alive: bool
    #: What it said last of itself.
    report: TunnelReport
    #: Whether the workers of its machine get to the store or the broker through it.
    brings: bool
    #: The pools whose work goes through it.
    pools: tuple[str, ...]
    machine: str
    version: str
    session: str
    #: How often it was taken up.
    epoch: int
    #: Seconds since the epoch, by the store's clock.
    started_at: float
    #: Seconds since it was last heard of.
    silent_s: float


class Fleet(NamedTuple):
    """All workers and all tunnels that have not left, by name."""

    hosts: list[HostStatus]
    tunnels: list[TunnelStatus]


def fleet(store: Store) -> Fleet:
    """Who is there, and by which tunnels."""
    with store.read() as c:
        found, running, paused = hosts.listing(c), hosts.running(c), rests.paused(c)
        dialled, cut = tunnels.listing(c), tunnels.cut_off(c)
    return Fleet(
        hosts=[
            _status(host, running.get(host.name, 0), _rest(host, paused), cut.get(host.name))
            for host in found
        ],
        tunnels=[_tunnel(tunnel) for tunnel in dialled],
    )


def _rest(host: hosts.HostRow, paused: Mapping[str, hosts.Rest]) -> PoolRest | None:
    rest = rests.longer(paused.get(host.pool), host.rest)
    return None if rest is None else rests_of({host.pool: rest}, [host.pool])[0]


def _status(
    host: hosts.HostRow, running: int, rest: PoolRest | None, tunnel: tunnels.TunnelRow | None
) -> HostStatus:
    cut_off = None if tunnel is None else cut_off_by(tunnel, host.pool)
    return HostStatus(
        name=host.name,
        pool=host.pool,
        state=_state(host, rest, cut_off),
        trouble=host.trouble,
        rest=rest,
        cut_off=cut_off,
        slots=host.slots,
        running=running,
        models=host.models,
        machine=host.machine,
        version=host.version,
        software=host.software,
        session=host.session,
        started_at=host.started_at,
        silent_s=max(0.0, host.silent_s),
    )


def _state(host: hosts.HostRow, rest: PoolRest | None, cut_off: CutOff | None) -> HostState:
    if cut_off is not None:
        return "cut off"
    if host.silent_s >= hosts.ALIVE_S:
        return "silent"
    if rest is not None:
        return "resting"
    return "alive" if host.trouble is None else "troubled"


def _tunnel(row: tunnels.TunnelRow) -> TunnelStatus:
    return TunnelStatus(
        name=row.name,
        is_alive=row.is_alive,
        report=row.report,
        brings=row.brings,
        pools=row.pools,
        machine=row.machine,
        version=row.version,
        session=row.session,
        epoch=row.epoch,
        started_at=row.started_at,
        silent_s=max(0.0, row.silent_s),
    )
