"""Connections to either database, each kind set up once.

Three kinds: readers, writers that may lose their last commits in a power cut, and writers that
may not.
"""

import sqlite3
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from jobs.errors import UsageError

#: Beyond it the holder of a lock is stuck rather than busy.
LOCK_WAIT_S = 30
_CONNECT_S = 10
_SQLITE = "sqlite:///"
#: The first that has RETURNING.
_OLDEST_SQLITE = (3, 35)
_SILENCE_MS = 30_000


class Kind(Enum):
    """What a connection is for."""

    READ = "read"
    WRITE = "write"
    DURABLE = "durable"


def parse_url(url: str) -> URL:
    """The parsed address of a store; raises `UsageError` for one that we cannot speak to."""
    if url.startswith(_SQLITE):
        # Not read as a URL: a path may hold `?` and `%`.
        path = url.removeprefix(_SQLITE)
        if path in {"", ":memory:"}:
            raise UsageError(f"`store.url` names no file. {_EXPECTED}")
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise UsageError(
                f"This Python has SQLite {sqlite3.sqlite_version}, and Nightmill needs 3.35. "
                "Use a newer Python, for example with `uv python install 3.13`."
            )
        return URL.create("sqlite", database=path)
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text may hold a password: it is not repeated.
        raise UsageError(f"`store.url` is not a URL. {_EXPECTED}") from None
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise UsageError(f"`store.url` begins with `{parsed.drivername}`. {_EXPECTED}")
    return parsed.set(drivername="postgresql+psycopg")


_EXPECTED = "Expected sqlite:////PATH/nightmill.db or postgresql://USER@HOST/DATABASE."


def sqlite_path(url: URL) -> Path | None:
    """The file of a SQLite store; None for Postgres."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def make_engine(url: URL, kind: Kind) -> Engine:
    """An engine whose every `begin()` is a transaction of this kind. Nothing is opened yet."""
    path = sqlite_path(url)
    return _postgres_engine(url, kind) if path is None else _sqlite_engine(path, kind)


def _sqlite_engine(path: Path, kind: Kind) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: _connect_sqlite(path, kind),
        # The dialect would take a URL without a file for a database in memory.
        poolclass=QueuePool,
        hide_parameters=True,
        **_POOL,
    )
    begin = "BEGIN" if kind is Kind.READ else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _connect_sqlite(path: Path, kind: Kind) -> sqlite3.Connection:
    connection = sqlite3.connect(
        # `rw`: a store that went away is an error, not a new empty one.
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=LOCK_WAIT_S,
        # The transactions are ours: the driver begins none of its own.
        isolation_level=None,
        check_same_thread=False,
    )
    synchronous = "FULL" if kind is Kind.DURABLE else "NORMAL"
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    # On macOS a plain fsync does not reach the disk; elsewhere it does nothing.
    connection.execute("PRAGMA fullfsync = 1")
    if kind is Kind.READ:
        connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA cache_size = -16000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def _postgres_engine(url: URL, kind: Kind) -> Engine:
    settings = {
        "synchronous_commit": "on" if kind is Kind.DURABLE else "off",
        "default_transaction_read_only": "on" if kind is Kind.READ else "off",
        "lock_timeout": f"{LOCK_WAIT_S}s",
        "idle_in_transaction_session_timeout": "60s",
        # Tables that change faster than they are analysed: every statement has its index, and
        # the planner should not be talked out of it by what it knew an hour ago.
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "jit": "off",
    }
    connect: dict[str, Any] = {
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        "connect_timeout": _CONNECT_S,
        "tcp_user_timeout": _SILENCE_MS,
        "application_name": "nightmill",
    }
    return create_engine(url, connect_args=connect, hide_parameters=True, **_POOL)


#: More threads than the first five wait for nothing, but their connections are not kept.
_POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 20, "pool_timeout": LOCK_WAIT_S}
