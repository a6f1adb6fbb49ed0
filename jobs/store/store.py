"""The one door to the database: transactions to read in and to write in."""

import glob
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, inspect

from jobs.disk import asked, free_bytes
from jobs.errors import NoStoreError, OtherVersionError, StoreError
from jobs.locks import FileLock
from jobs.store.engines import LOCK_WAIT_S, Kind, make_engine, parse_url, sqlite_path
from jobs.store.errors import locked, translate_store_errors
from jobs.store.newfile import logs_of
from jobs.store.version import HEAD


class Store:
    """An opened store. Usable from any thread; each transaction has its own connection."""

    def __init__(self, url: URL) -> None:
        self._where = describe(url)
        self._file = sqlite_path(url)
        self._engines = {kind: make_engine(url, kind) for kind in Kind}

    @classmethod
    def open(cls, url: str) -> "Store":
        """Open a store that is there and of this program's version; else raise `StoreError`.

        Raises `UsageError` for a URL of another kind.
        """
        store = cls(parse_url(url))
        try:
            store._check()
        except BaseException:
            store.close()
            raise
        return store

    def describe(self) -> str:
        """The store's address without its password, for messages."""
        return self._where

    @property
    def is_file(self) -> bool:
        """Whether it is a file, so that all who use it are on this machine."""
        return self._file is not None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction to read in. Keep it short: while it lasts SQLite's log grows."""
        with translate_store_errors(self._where), self._engines[Kind.READ].begin() as c:
            yield c

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        """A transaction to write in, committed at the end of the block.

        `durable`: when the block has ended, not even a power cut takes the writes back.
        Raises `DataFault` when a value cannot be stored and `StoreError` for everything else.
        """
        engine = self._engines[Kind.DURABLE if durable else Kind.WRITE]
        with translate_store_errors(self._where), self._turn(), engine.begin() as c:
            yield c

    def free_bytes(self) -> int | None:
        """Bytes that are free on the store's disk; None where only its server knows.

        Raises `StoreError` where the disk does not say.
        """
        return None if self._file is None else free_bytes(self._file.parent, self._called)

    def size(self) -> int:
        """Bytes that the store takes on its disk, SQLite's logs included."""
        if self._file is not None:
            with asked(self._called):
                return sum(_size_of(path) for path in (self._file, *logs_of(self._file)))
        with self.read() as c:
            size: int = c.exec_driver_sql(DATABASE_SIZE).scalar_one()
        return size

    def has_room_to_compact(self) -> bool:
        """Whether the disk has room for what `compact` writes: all that is in use, twice."""
        free = self.free_bytes()
        if free is None:
            return True
        with self.read() as c:
            pages, unused, size = (
                int(c.exec_driver_sql(f"PRAGMA {what}").scalar_one())
                for what in ("page_count", "freelist_count", "page_size")
            )
        # Once in a file of its own, and once in the log on its way back.
        return free > 2 * (pages - unused) * size

    def compact(self) -> bool:
        """Write SQLite's file anew, without what was deleted, and empty its log.

        False where somebody reads from the log for so long that it could not be emptied. Others
        wait with their writes, which fail after `LOCK_WAIT_S`: it is for when nothing runs.
        Postgres does all of this by itself. Raises `StoreError`.
        """
        if self._file is None:
            return True
        with translate_store_errors(self._where), self._turn():
            # Not in a transaction, which the engine would begin.
            connection = self._engines[Kind.DURABLE].raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                is_busy = bool(cursor.fetchall()[0][0])
            finally:
                connection.close()
        return not is_busy

    def copies(self) -> list[Path]:
        """The files of earlier stores that are kept beside SQLite's: each from before it was
        upgraded, or a backup took its place.
        """
        if self._file is None:
            return []
        beside = self._file.with_name(glob.escape(self._file.name))
        kept = (copy_path(beside, "*"), replaced_path(beside, "*"))
        return sorted(path for each in kept for path in self._file.parent.glob(each.name))

    def require_version(self, c: Connection) -> None:
        """Raise `OtherVersionError` where another program has upgraded the store meanwhile."""
        check_version(self._where, version_of(c))

    def close(self) -> None:
        """Close the connections that are not in use; the others close when they are given back."""
        for engine in self._engines.values():
            engine.dispose()

    @property
    def _called(self) -> str:
        return f"the store {self._where}"

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # SQLite lets waiting writers poll, and one that writes without pause starves the others;
        # the operating system's lock has a queue.
        if self._file is None:
            yield
            return
        lock = FileLock(lock_path(self._file))
        try:
            is_ours = lock.acquire(LOCK_WAIT_S)
        except OSError as error:
            raise StoreError(
                f"The store {self._where} cannot be locked for writing: {error.strerror}. "
                "Make its folder writable for you, then give the same command again."
            ) from error
        if not is_ours:
            raise StoreError(locked(self._where))
        try:
            yield
        finally:
            lock.release()

    def _check(self) -> None:
        if self._file is not None and not self._file.exists():
            raise NoStoreError(missing(self._where))
        with self.read() as c:
            check_version(self._where, found_version(c))


#: Bytes that a store on Postgres takes.
DATABASE_SIZE = "SELECT pg_database_size(current_database())"


def describe(url: URL) -> str:
    """A store's address as it may be shown: the path, or the URL without its password.

    Its query goes too: Postgres also takes passwords from there.
    """
    path = sqlite_path(url)
    return url.set(query={}).render_as_string(hide_password=True) if path is None else str(path)


def lock_path(file: Path) -> Path:
    """The file on which SQLite's writers queue."""
    return file.with_name(file.name + ".lock")


def copy_path(file: Path, version: str) -> Path:
    """Where SQLite's file is copied to before it is upgraded to a version."""
    return file.with_name(f"{file.name}.before-{version}")


def replaced_path(file: Path, when: str) -> Path:
    """Where SQLite's file is kept in whose place a backup was put."""
    return file.with_name(f"{file.name}.replaced-{when}")


def _size_of(path: Path) -> int:
    # A log may go at any moment.
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def found_version(c: Connection) -> str | None:
    """The version of the store behind a connection; None where there is no store."""
    if not inspect(c).has_table("alembic_version"):
        return None
    return version_of(c)


def version_of(c: Connection) -> str | None:
    """The same where a store is known to be: one query less."""
    version: str | None = c.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return version


def check_version(where: str, version: str | None) -> None:
    """Raise `StoreError` unless the version is this program's: `OtherVersionError` for one that
    another program of ours made, `NoStoreError` where it is no store.
    """
    if version is None:
        raise NoStoreError(missing(where))
    if not is_version(version):
        raise NoStoreError(foreign(where))
    if is_older(version):
        raise OtherVersionError(
            f"The store {where} is of version {version} and this program of {HEAD}: "
            "end every nightmill that uses it, then `nightmill run` or `nightmill up` upgrades it."
        )
    if version > HEAD:
        raise OtherVersionError(
            f"The store {where} is of version {version}, newer than this program's {HEAD}: "
            "upgrade nightmill."
        )


def is_older(version: str) -> bool:
    """Whether a store of this version can be upgraded to this program's."""
    return is_version(version) and version < HEAD


def is_version(word: str) -> bool:
    """Whether this is a version of ours; Alembic's other users have words of their own."""
    return word.isdigit() and len(word) == len(HEAD)


def foreign(where: str) -> str:
    """The sentence for a database that is something else's."""
    return (
        f"{where} is a database, but not a Nightmill store. Move it away, or name another one "
        "with `store.url`."
    )


def missing(where: str) -> str:
    """The sentence for a store that is not there."""
    return (
        f"There is no store at {where}. `nightmill run`, `nightmill submit` and `nightmill"
        " dispatch` create it."
    )
