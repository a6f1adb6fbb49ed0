"""Making a new store and bringing an old one up to date; for the holder of the data lock alone."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, text

from jobs.disk import sync_path
from jobs.errors import OtherVersionError, StoreError
from jobs.locks import FileLock
from jobs.store.dialect import Sql
from jobs.store.engines import Kind, make_engine, parse_url, sqlite_path
from jobs.store.errors import translate_store_errors
from jobs.store.hosts import ALIVE_S
from jobs.store.leadership import LEADER_LOCK, leader_path
from jobs.store.store import check_version, copy_path, describe, foreign, found_version, is_older
from jobs.store.version import HEAD

_SCRIPTS = Path(__file__).parent / "migrations"

#: A lock number of our own among Postgres's advisory locks: "nightmil" in ASCII.
_ADVISORY_LOCK = 0x6E696768746D696C


def prepare(url: str) -> None:
    """Create the store, or upgrade it; does nothing when it is up to date.

    Everything happens in one step that is seen whole or not at all. Raises `StoreError` when
    the store is newer than this program, is something else, or cannot be written; and
    `OtherVersionError` when it is older and somebody uses it, who would write to it as it was.
    """
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    try:
        with translate_store_errors(describe(parsed)):
            if path is None:
                _prepare_postgres(parsed)
            elif path.exists():
                _upgrade_sqlite(parsed, path)
            else:
                _create_sqlite(parsed, path)
    except OSError as error:
        raise StoreError(
            f"The store {describe(parsed)} cannot be created: {error.strerror}. "
            "Make its folder writable, or name another place with `store.url`."
        ) from error


def _prepare_postgres(url: URL) -> None:
    with _transaction(url) as c:
        c.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        version = found_version(c)
        if version == HEAD:
            return
        if version is None:
            _refuse_foreign(c, describe(url))
        else:
            _refuse_other(url, version)
            leads = c.execute(
                text("SELECT NOT pg_try_advisory_xact_lock(:key)"), {"key": LEADER_LOCK}
            ).scalar_one()
            _refuse_in_use(c, describe(url), version, leads=leads)
        _migrate(c)


def _create_sqlite(url: URL, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    _touch_private(new)
    with contextlib.closing(sqlite3.connect(new)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with _transaction(url.set(database=str(new))) as c:
        _migrate(c)
    sync_path(new)
    for left in _logs_of(path):
        # Of a store that was moved away: SQLite would take them for the new one's.
        left.unlink(missing_ok=True)
    new.rename(path)
    sync_path(path.parent)


def _upgrade_sqlite(url: URL, path: Path) -> None:
    with _transaction(url, Kind.READ) as c:
        version = found_version(c)
    if version is None:
        raise StoreError(foreign(describe(url)))
    if version == HEAD:
        return
    _refuse_other(url, version)
    lock = FileLock(leader_path(path))
    leads = not lock.try_acquire()
    try:
        with _transaction(url, Kind.READ) as c:
            _refuse_in_use(c, describe(url), version, leads=leads)
        _copy_sqlite(path, copy_path(path, HEAD))
        with _transaction(url) as c:
            # The copy may have taken long.
            _refuse_in_use(c, describe(url), version, leads=leads)
            _migrate(c)
    finally:
        lock.release()


def _copy_sqlite(path: Path, copy: Path) -> None:
    _touch_private(copy)
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    sync_path(copy)


def _touch_private(path: Path) -> None:
    """A new empty file for its owner only; what an earlier try left there goes."""
    for left in (path, *_logs_of(path)):
        left.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _logs_of(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _migrate(c: Connection) -> None:
    """Run the scripts that are missing, in the transaction of `c`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = c
    command.upgrade(config, "head")


@contextlib.contextmanager
def _transaction(url: URL, kind: Kind = Kind.DURABLE) -> Iterator[Connection]:
    engine = make_engine(url, kind)
    try:
        with engine.begin() as c:
            yield c
    finally:
        engine.dispose()


def _refuse_other(url: URL, version: str) -> None:
    """Raise `StoreError` for a version that is neither ours nor older."""
    if not is_older(version):
        check_version(describe(url), version)


def _refuse_in_use(c: Connection, where: str, version: str, *, leads: bool) -> None:
    users = [f"worker {name}" for name in _LIVING(c, alive_s=ALIVE_S).scalars()]
    users += ["a dispatcher"] if leads else []
    if users:
        raise OtherVersionError(
            f"The store {where} is of version {version}, and programs of that version use it:"
            f" {', '.join(users)}. End them, and wait {ALIVE_S:.0f} s where one was killed; the"
            f" same command then upgrades the store to {HEAD}."
        )


# As it is in every version so far.
_LIVING = Sql("SELECT name FROM hosts WHERE seen_at > {now} - :alive_s ORDER BY name")


def _refuse_foreign(c: Connection, where: str) -> None:
    taken = c.execute(text("SELECT to_regclass('jobs') IS NOT NULL")).scalar_one()
    if taken:
        raise StoreError(foreign(where))
