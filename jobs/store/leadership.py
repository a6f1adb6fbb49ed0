"""Who leads a store: one dispatcher at a time, whichever machine it is on; the others stand by.

Two that lead for a moment do no harm, as every move of a job is guarded. They would only hand out
twice as much ahead as they should.
"""

from pathlib import Path

import sqlalchemy.exc
from sqlalchemy import URL, Connection, text

from jobs.errors import OtherVersionError
from jobs.locks import FileLock
from jobs.store.engines import Kind, make_engine, parse_url, sqlite_path
from jobs.store.errors import translate_store_errors
from jobs.store.store import check_version, describe, found_version, version_of

#: A lock number of our own among Postgres's advisory locks: "nightmld" in ASCII.
LEADER_LOCK = 0x6E696768746D6C64
#: A leader that has not been heard of for so many seconds leads no more; by Postgres 14 or newer.
SILENT_S = 15
_KNOWS_IDLE_SESSIONS = (14,)


class Leadership:
    """A claim to lead. For one thread; the lock goes with the process, however that ends."""

    def __init__(self, url: str) -> None:
        parsed = parse_url(url)
        path = sqlite_path(parsed)
        self._seat = _ServersLock(parsed) if path is None else _FilesLock(parsed, path)

    def is_held(self) -> bool:
        """Whether this process leads from now on: it did before, or nobody does.

        Raises:
            StoreError: the store does not answer.
            OtherVersionError: a program of another version has changed the store meanwhile.
        """
        return self._seat.is_held()

    def release(self) -> None:
        """Let somebody else lead."""
        self._seat.release()


class _FilesLock:
    """Beside SQLite's file, which all who use it see."""

    def __init__(self, url: URL, path: Path) -> None:
        self._engine = make_engine(url, Kind.READ)
        self._where = describe(url)
        self._lock = FileLock(leader_path(path))

    def is_held(self) -> bool:
        find = version_of if self._lock.is_held else found_version
        if not self._lock.is_held and not self._lock.try_acquire():
            return False
        with translate_store_errors(self._where), self._engine.begin() as c:
            try:
                check_version(self._where, find(c))
            except OtherVersionError:
                # It is for those who can lead it.
                self._lock.release()
                raise
        return True

    def release(self) -> None:
        self._lock.release()
        self._engine.dispose()


class _ServersLock:
    """On a connection to Postgres of its own; the server frees it when that ends or is silent."""

    def __init__(self, url: URL) -> None:
        self._engine = make_engine(url, Kind.WRITE).execution_options(isolation_level="AUTOCOMMIT")
        self._where = describe(url)
        self._connection: Connection | None = None
        self._is_ours = False

    def is_held(self) -> bool:
        with translate_store_errors(self._where):
            try:
                return self._look(self._connection or self._connect())
            except (sqlalchemy.exc.DBAPIError, OtherVersionError):
                # The server has given the lock away, or it is for those who can lead.
                self._drop()
                raise

    def release(self) -> None:
        self._drop()
        self._engine.dispose()

    def _look(self, c: Connection) -> bool:
        # Asked each time, though the lock is ours: it proves that the connection still is.
        check_version(self._where, version_of(c) if self._is_ours else found_version(c))
        if not self._is_ours:
            taken = c.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER_LOCK})
            self._is_ours = bool(taken.scalar_one())
        return self._is_ours

    def _connect(self) -> Connection:
        c = self._connection = self._engine.connect()
        # Whose machine is gone must not lead on for the hours in which TCP believes in it.
        for setting, seconds in (("idle", 5), ("interval", 5), ("count", 2)):
            c.exec_driver_sql(f"SET tcp_keepalives_{setting} = {seconds}")
        if (c.dialect.server_version_info or (0,)) >= _KNOWS_IDLE_SESSIONS:
            # It asks every second: one that is silent is frozen or asleep.
            c.exec_driver_sql(f"SET idle_session_timeout = '{SILENT_S}s'")
        return c

    def _drop(self) -> None:
        connection, self._connection, self._is_ours = self._connection, None, False
        if connection is not None:
            # Not back into the pool: the lock would stay with it.
            connection.invalidate()
            connection.close()


def leader_path(file: Path) -> Path:
    """The file on which those who want to lead a SQLite store queue."""
    return file.with_name(file.name + ".leader")
