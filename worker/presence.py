"""A worker's place among the hosts: its name is guarded, announced and given up again."""

import contextlib
import logging
import os
import platform
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from backends.base import Capabilities
from jobs.errors import UsageError
from jobs.folders import locks_in
from jobs.locks import FileLock
from jobs.store import dialect, dispatch, hosts
from jobs.store.hosts import HostRow, Rest
from jobs.store.store import Store
from worker import spool
from worker.outcomes import Identity

log = logging.getLogger(__name__)


#: Whoever gives back what a dead worker held has the lock on its name for as long as that takes.
PASSING_S = 5.0


#: How far this machine's clock may be from that of the store, in seconds.
MOST_SKEW_S = 300.0


def take_name(lock_dir: Path, who: Identity, within_s: float = PASSING_S) -> FileLock:
    """The lock on the worker's name; the operating system frees it when this process dies.

    A name that is taken is waited for `within_s` seconds.

    Raises:
        UsageError: a living worker has the name.
    """
    lock_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock_of(lock_dir, who.name)
    if not lock.acquire(within_s):
        raise UsageError(
            f"A worker named {who.name} runs already (process {lock.read_note()}). "
            "End it first, or give this one another name with `worker.name`."
        )
    lock.note(str(os.getpid()))
    return lock


def refuse_wrong_clock(store: Store, wall_clock: Callable[[], float]) -> None:
    """Raise `UsageError` where this machine's clock is not about that of the store.

    Leases go by the store's clock alone; but when this machine was started, and what its logs
    say, could not be compared with what the others say.
    """
    with store.read() as c:
        ahead_s = wall_clock() - dialect.now(c)
    if abs(ahead_s) > MOST_SKEW_S:
        raise UsageError(
            f"The clock of this machine is {abs(ahead_s) / 60:,.0f} minutes"
            f" {'ahead of' if ahead_s > 0 else 'behind'} the clock of the store"
            f" {store.describe()}. Set the one that is wrong, then start the worker again."
        )


def refuse_twin(store: Store, who: Identity) -> None:
    """Raise `UsageError` where a worker of this name lives on another machine."""
    with store.read() as c:
        twin = hosts.find(c, who.name)
    if twin is not None and twin.guard not in {"", who.guard} and twin.silent_s < hosts.ALIVE_S:
        raise UsageError(_TWIN.format(name=who.name, machine=twin.machine))


def take_back_jobs(
    store: Store, data_dir: Path, who: Identity, max_crashes: int, blame_since: float
) -> None:
    """Give back what earlier sessions of this name held: the name was free, so they are dead.

    What they had answered is recorded first. Their jobs are blamed only where the name was heard
    of at `blame_since`, in seconds since the epoch, or later: whatever ended it before that, such
    as a power cut, ended more than this worker. What a worker of this name held on another machine
    comes back with its leases: that its name is free here says nothing about it.
    """
    spool.record_left_behind(spool.folder_in(data_dir), store)
    with store.write() as c:
        earlier = hosts.find(c, who.name)
        if earlier is not None and earlier.guard not in {"", who.guard}:
            return
        blame = hosts.was_seen_since(c, who.name, blame_since)
        for session in hosts.sessions_of(c, who.name):
            if session != who.session:
                jobs = dispatch.release_session(c, session, blame=blame, max_crashes=max_crashes)
                log.info(
                    "%d jobs of an earlier worker named %s were given back.",
                    jobs,
                    who.name,
                    extra={"action": "session_released", "session": session},
                )


def take_back_from_the_dead(
    store: Store, data_dir: Path, guard: str, max_crashes: int, blame_since: float
) -> None:
    """Give back what workers of this machine held whose locks are free: they have died.

    As `take_back_jobs`, and they are taken off the list of hosts. For whoever leads, so that
    nobody waits for a lease. `guard` is that of the machine's folder of locks.
    """
    with store.read() as c:
        ours = [host for host in hosts.listing(c) if host.guard == guard]
    for host in ours:
        lock = _lock_of(locks_in(data_dir), host.name)
        if lock.try_acquire():
            try:
                spool.record_left_behind(spool.folder_in(data_dir), store)
                with store.write() as c:
                    blame = hosts.was_seen_since(c, host.name, blame_since)
                    dispatch.release_session(c, host.session, blame=blame, max_crashes=max_crashes)
                    hosts.leave(c, host.name, host.session)
            finally:
                lock.release()
            log.warning(
                "The worker %s is gone; its jobs were given back.",
                host.name,
                extra={"action": "worker_gone", "session": host.session},
            )


def announce(
    store: Store, who: Identity, capabilities: Capabilities, rest: Rest | None = None
) -> HostRow:
    """Let the dispatcher know that this worker takes jobs, of which models and how many, or that
    it rests first.

    Raises `UsageError` where a worker of this name lives on another machine.
    """
    row = HostRow(
        name=who.name,
        session=who.session,
        pool=who.pool,
        slots=capabilities.slots,
        models=tuple(model.name for model in capabilities.models),
        machine=_machine(),
        version=version("nightmill"),
        guard=who.guard,
        software=_software(),
        rest=rest,
    )
    with store.write() as c:
        if not hosts.announce(c, row):
            raise UsageError(_TWIN.format(name=who.name, machine="another machine"))
    return row


def leave(store: Store, who: Identity) -> None:
    """Take the worker off the list of hosts."""
    with store.write() as c:
        hosts.leave(c, who.name, who.session)


_TWIN = (
    "A worker named {name} runs on another machine ({machine}), or in another data directory of"
    " this one. Give this one another name with `worker.name`, or end that one first."
)


def _lock_of(lock_dir: Path, name: str) -> FileLock:
    return FileLock(lock_dir / (re.sub(r"[^\w.@-]", "_", name) + ".lock"))


def _software() -> dict[str, str]:
    """Versions of what may matter when two hosts of a pool differ."""
    found = {"python": platform.python_version()}
    for package in ("celery", "kombu", "redis", "mlx", "mlx-lm"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory >> 30} GB"
