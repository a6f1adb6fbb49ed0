"""Which workers there are, on which machines, and how they are."""

from typing import Literal

import msgspec

from jobs.store import hosts
from jobs.store.store import Store


class HostStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One worker; the fields are those of `nightmill hosts --json`."""

    #: Pool and machine: `mlx@studio`.
    name: str
    pool: str
    #: `troubled`: its backend serves nobody now. `silent`: it was not heard of for half a minute,
    #: gets no work, and what it holds comes back when its leases run out.
    state: Literal["alive", "troubled", "silent"]
    #: What its backend suffers from; None while it is well.
    trouble: str | None
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
        found, running = hosts.listing(c), hosts.running(c)
    return [_status(host, running.get(host.name, 0)) for host in found]


def _status(host: hosts.HostRow, running: int) -> HostStatus:
    return HostStatus(
        name=host.name,
        pool=host.pool,
        state=_state(host),
        trouble=host.trouble,
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


def _state(host: hosts.HostRow) -> Literal["alive", "troubled", "silent"]:
    if host.silent_s >= hosts.ALIVE_S:
        return "silent"
    return "alive" if host.trouble is None else "troubled"
