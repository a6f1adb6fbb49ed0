"""Making a new store and bringing an old one up to date; for the holder of the data lock alone."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, text

from jobs.disk import sync_path
from jobs.errors import NoStoreError, OtherVersionError, StoreError
from jobs.locks import FileLock
from jobs.store.engines import Kind, make_engine, parse_url, sqlite_path
from jobs.store.errors import translate_store_errors
from jobs.store.hosts import ALIVE_S
from jobs.store.leadership import leader_path
from jobs.store.newfile import made_beside, put_in_place, touch_private
from jobs.store.store import check_version, copy_path, describe, foreign, found_version, is_older
from jobs.store.usage import is_led, users_of
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
                _create_sqlite(path)
    except OSError as error:
        raise StoreError(
            f"The store {describe(parsed)} cannot be created: {error.strerror}. "
            "Make its folder writable, or name another place with `store.url`."
        ) from error


def is_to_be_made(url: str) -> bool:
    """Whether nothing is there yet, and `prepare` would make a new store.

    Raises `StoreError` where that cannot be seen, or something else is in its place.
    """
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is not None:
        return not path.exists()
    with translate_store_errors(describe(parsed)), _transaction(parsed, Kind.READ) as c:
        if found_version(c) is not None:
            return False
        _refuse_foreign(c, describe(parsed))
        return True


def make_file(path: Path) -> None:
    """Make an empty store in a file; what is there goes."""
    touch_private(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    upgrade_file(path)


def upgrade_file(path: Path) -> None:
    """Bring the store in a file that nobody else uses up to date."""
    with _transaction(URL.create("sqlite", database=str(path))) as c:
        _migrate(c)


def prepare_database(c: Connection, where: str) -> None:
    """As `prepare`, for a Postgres database, in the transaction of `c`."""
    c.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    version = found_version(c)
    if version == HEAD:
        return
    if version is None:
        _refuse_foreign(c, where)
    else:
        _refuse_other(where, version)
        _refuse_in_use(c, where, version, leads=is_led(c))
    _migrate(c)


def _prepare_postgres(url: URL) -> None:
    with _transaction(url) as c:
        prepare_database(c, describe(url))


def _create_sqlite(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with made_beside(path) as new:
        make_file(new)
        put_in_place(new, path)


def _upgrade_sqlite(url: URL, path: Path) -> None:
    with _transaction(url, Kind.READ) as c:
        version = found_version(c)
    if version is None:
        raise NoStoreError(foreign(describe(url)))
    if version == HEAD:
        return
    _refuse_other(describe(url), version)
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
    touch_private(copy)
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    sync_path(copy)


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


def _refuse_other(where: str, version: str) -> None:
    """Raise `StoreError` for a version that is neither ours nor older."""
    if not is_older(version):
        check_version(where, version)


def _refuse_in_use(c: Connection, where: str, version: str, *, leads: bool) -> None:
    users = users_of(c, leads=leads)
    if users:
        raise OtherVersionError(
            f"The store {where} is of version {version}, and programs of that version use it:"
            f" {', '.join(users)}. End them, and wait {ALIVE_S:.0f} s where one was killed; the"
            f" same command then upgrades the store to {HEAD}."
        )


def _refuse_foreign(c: Connection, where: str) -> None:
    taken = c.execute(text("SELECT to_regclass('jobs') IS NOT NULL")).scalar_one()
    if taken:
        raise NoStoreError(foreign(where))
