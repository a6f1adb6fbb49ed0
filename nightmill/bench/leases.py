"""What leases cost: jobs a second with heartbeats and a reaper, against the same without.

Two workers of the same kind, each with its own broker and store, take turns. On one side the
worker's heart beats every second and extends the lease of all that it holds, and the dispatcher
looks for leases that ran out. On the other side neither happens. A claim sets a lease on both:
that is a column of a row which is written anyway.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from statistics import median

from jobs.errors import StoppedEarlyError
from jobs.settings_pools import PoolSettings
from jobs.store import hosts
from jobs.store.dialect import Sql
from jobs.store.hosts import HostRow
from jobs.store.store import Store
from nightmill.bench.batch import submit_requests
from nightmill.bench.mill import Mill
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import fsyncs_per_s, workplace
from nightmill.bench.queue import REQUEST, WARM_UP
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.runner import alternate
from nightmill.bench.stores import NewStore, chosen, kind_of, store_maker
from worker.heartbeat import IDLE_S


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the host of a measurement is like."""

    name: str
    slots: int
    #: Seconds that each job is held.
    answer_s: float


JOBS = 20_000
HOLD = 0.9
#: Each beat lists what is held. The second holds far more than a model could, and could end more
#: jobs a second than the store takes: so what beats cost is not hidden in idle time.
LOADS = (
    Load(name="answers at once", slots=64, answer_s=0.0),
    Load(name="many held", slots=256, answer_s=0.05),
)
ON, OFF = "leases", "no leases"
PEER = "the same worker and dispatcher, no heartbeat, no reaper"
PEER_HAS = "no way to tell that a worker is gone, and no way to give its jobs to another"


def run_leases(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure a host that answers at once and one that holds many jobs, on each kind of store."""
    parts = []
    with workplace(options.folder) as folder:
        for store in chosen(options.stores):
            with store_maker(store, folder) as new_store:
                for load in LOADS:
                    place = folder / f"{kind_of(store)}-{load.slots}"
                    name = f"leases on {kind_of(store)}, {load.name}"
                    parts.append(
                        _under(
                            load, name, new_store, place, options=options, on_progress=on_progress
                        )
                    )
    return combined(parts)


def _under(
    load: Load,
    name: str,
    new_store: NewStore,
    place: Path,
    *,
    options: BenchOptions,
    on_progress: OnProgress,
) -> BenchResult:
    jobs, held = options.size or JOBS, list[float]()
    with (
        _mill(place / "on", new_store, load, keeps_leases=True) as on,
        _mill(place / "off", new_store, load, keeps_leases=False) as off,
    ):
        keep_alive(off.store)
        for mill in (on, off):
            _drain(mill, max(WARM_UP, jobs // 100), [])
        sides = {ON: lambda: _drain(on, jobs, held), OFF: lambda: _drain(off, jobs, [])}
        rounds = alternate(name, sides, options.runs, on_progress)
        require_beats(on.store)
        require_silence(off.store)
    return judge(
        name,
        [Run(ours=figures[ON], peer=figures[OFF]) for figures in rounds],
        HOLD,
        unit="jobs/s",
        peer=PEER,
        peer_has=PEER_HAS,
        slots=load.slots,
        jobs_held_at_once=median(held),
        broker=on.broker_kind,
        fsyncs_per_s=fsyncs_per_s(place),
        jobs=jobs,
    )


@contextmanager
def _mill(folder: Path, new_store: NewStore, load: Load, *, keeps_leases: bool) -> Iterator[Mill]:
    pool = PoolSettings(backend="null", slots=load.slots)
    with ExitStack() as last_first:
        url = last_first.enter_context(new_store())
        yield last_first.enter_context(
            Mill(folder, url, pool, keeps_leases=keeps_leases, answer_s=load.answer_s)
        )


def _drain(mill: Mill, jobs: int, held: list[float]) -> float:
    drained = mill.drain(submit_requests(mill.store, mill.pool, repeat(REQUEST, jobs)))
    held.append(drained.held)
    return jobs / drained.seconds


def keep_alive(store: Store) -> None:
    """Let a host whose heart does not beat pass for living, so that it gets jobs."""
    with store.write() as c:
        _KEEP_ALIVE(c, ages_s=_AGES_S)


def require_beats(store: Store, within_s: float = 2 * IDLE_S) -> None:
    """Wait for a heartbeat; raises `StoppedEarlyError` where none comes when it should."""
    deadline = time.monotonic() + within_s
    while not any(host.seen_at > host.started_at for host in _hosts(store)):
        if time.monotonic() > deadline:
            raise StoppedEarlyError("The side with heartbeats had none: it measures nothing.")
        time.sleep(0.1)


def require_silence(store: Store) -> None:
    """Raise `StoppedEarlyError` where a host was heard of since `keep_alive`."""
    if any(host.silent_s > -_AGES_S / 2 for host in _hosts(store)):
        raise StoppedEarlyError("The side without heartbeats had one: it measures nothing.")


def _hosts(store: Store) -> list[HostRow]:
    with store.read() as c:
        return hosts.listing(c)


_AGES_S = 1e9
_KEEP_ALIVE = Sql("UPDATE hosts SET seen_at = {now} + :ages_s")
