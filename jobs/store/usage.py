"""Who uses a store now, as far as the store knows: workers that live, and whoever leads it."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from jobs.locks import FileLock
from jobs.store.dialect import Sql
from jobs.store.hosts import ALIVE_S
from jobs.store.leadership import LEADER_LOCK, leader_path


def users_of(c: Connection, *, leads: bool) -> list[str]:
    """The workers that were heard of lately and, where somebody `leads`, a dispatcher; in words."""
    users = [f"worker {name}" for name in _LIVING(c, alive_s=ALIVE_S).scalars()]
    return users + (["a dispatcher"] if leads else [])


def is_led(c: Connection) -> bool:
    """Whether somebody leads a Postgres store; if not, nobody else does in this transaction."""
    return not _LEAD(c, key=LEADER_LOCK).scalar_one()


def is_led_now(c: Connection, file: Path | None) -> bool:
    """Whether somebody leads a store, of which `file` is SQLite's, at this moment."""
    if file is None:
        return not _LOOK_FOR_LEADER(c, key=LEADER_LOCK).scalar_one()
    lock = FileLock(leader_path(file))
    try:
        return not lock.try_acquire()
    finally:
        lock.release()


def in_use(where: str, users: Sequence[str]) -> str:
    """The sentence for a store whose place is to be taken while somebody uses it."""
    return (
        f"The store {where} is in use: {', '.join(users)}. End that, and wait {ALIVE_S:.0f} s where"
        " a worker was killed; then give the same command again."
    )


# As it is in every version so far.
_LIVING = Sql("SELECT name FROM hosts WHERE seen_at > {now} - :alive_s ORDER BY name")
_LEAD = Sql("SELECT pg_try_advisory_xact_lock(:key)")
# Given back at once, where it was free.
_LOOK_FOR_LEADER = Sql(
    "SELECT CASE WHEN pg_try_advisory_lock(:key) THEN pg_advisory_unlock(:key) ELSE false END"
)
