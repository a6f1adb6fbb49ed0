"""A worker's place among the hosts: its name is guarded, announced and given up again."""

import logging
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from backends.base import Capabilities
from jobs.errors import UsageError
from jobs.locks import FileLock
from jobs.store import dispatch, hosts
from jobs.store.hosts import HostRow
from jobs.store.store import Store
from worker.outcomes import Identity

log = logging.getLogger(__name__)


def take_name(lock_dir: Path, who: Identity) -> FileLock:
    """The lock on the worker's name; the operating system frees it when this process dies.

    Raises:
        UsageError: a living worker has the name.
    """
    lock_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(lock_dir / (re.sub(r"[^\w.@-]", "_", who.name) + ".lock"))
    if not lock.try_acquire():
        raise UsageError(
            f"A worker named {who.name} runs already (process {lock.read_note()}). "
            "End it first, or give this one another host name."
        )
    lock.note(str(os.getpid()))
    return lock


def take_back_jobs(store: Store, who: Identity, max_crashes: int, booted_at: float) -> None:
    """Give back what earlier sessions of this name held: the name was free, so they are dead.

    Their jobs are not blamed where the whole machine went down, which has been up since
    `booted_at`, in seconds since the epoch.
    """
    with store.write() as c:
        blame = hosts.was_seen_since(c, who.name, booted_at)
        for session in hosts.sessions_of(c, who.name):
            if session != who.session:
                jobs = dispatch.release_session(c, session, blame=blame, max_crashes=max_crashes)
                log.info(
                    "%d jobs of an earlier worker of this name were given back.",
                    jobs,
                    extra={"action": "session_released", "session": session},
                )


def announce(store: Store, who: Identity, capabilities: Capabilities) -> None:
    """Let the dispatcher know that this worker takes jobs, of which models and how many."""
    row = HostRow(
        name=who.name,
        session=who.session,
        pool=who.pool,
        slots=capabilities.slots,
        models=tuple(model.name for model in capabilities.models),
        machine=_machine(),
        version=version("nightmill"),
    )
    with store.write() as c:
        hosts.announce(c, row)


def leave(store: Store, who: Identity) -> None:
    """Take the worker off the list of hosts."""
    with store.write() as c:
        hosts.leave(c, who.name, who.session)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory >> 30} GB"
