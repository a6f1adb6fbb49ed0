"""Which workers there are, on which machines, and how they are."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from jobs.store import hosts, rests
from jobs.store.store import Store
from nightmill.rests import PoolRest, rests_of

HostState = Literal["alive", "troubled", "resting", "silent"]


class HostStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One worker; the fields are those of `nightmill hosts --json`."""

    #: Pool and machine: `mlx@studio`.
    name: str
    pool: str
    #: `troubled`: its backend serves nobody now. `silent`: it was not heard of for half a minute,
    #: gets no work, and what it holds comes back when its leases run out. `resting`: its pool is
    #: paused, or works at other hours.
    state: HostState
    #: What its backend suffers from; None while it is well.
    trouble: str | None
    #: Why it rests, while it does.
    rest: PoolRest | None
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


def fleet(store: Store) -> list[HostStatus]:
    """All workers that have not left, by name."""
    with store.read() as c:
        found, running, paused = hosts.listing(c), hosts.running(c), rests.paused(c)
    return [_status(host, running.get(host.name, 0), _rest(host, paused)) for host in found]


def _rest(host: hosts.HostRow, paused: Mapping[str, hosts.Rest]) -> PoolRest | None:
    rest = rests.longer(paused.get(host.pool), host.rest)
    return None if rest is None else rests_of({host.pool: rest}, [host.pool])[0]


def _status(host: hosts.HostRow, running: int, rest: PoolRest | None) -> HostStatus:
    return HostStatus(
        name=host.name,
        pool=host.pool,
        state=_state(host, rest),
        trouble=host.trouble,
        rest=rest,
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


def _state(host: hosts.HostRow, rest: PoolRest | None) -> HostState:
    if host.silent_s >= hosts.ALIVE_S:
        return "silent"
    if rest is not None:
        return "resting"
    return "alive" if host.trouble is None else "troubled"
