"""A place for a whole store: kept from everybody else while that is made, and nobody's before."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection

from jobs.errors import StoreError, UsageError
from jobs.locks import FileLock
from jobs.store.dialect import Sql
from jobs.store.engines import Kind, make_engine, parse_url
from jobs.store.errors import translate_store_errors
from jobs.store.leadership import leader_path
from jobs.store.migrate import prepare_database
from jobs.store.snapshot import TABLES, take_your_time
from jobs.store.store import describe, lock_path
from jobs.store.usage import in_use, is_led, users_of


@contextmanager
def held_file(path: Path) -> Iterator[None]:
    """Let nobody lead or write the store of a file, which need not be there, during the block.

    Raises `UsageError` where somebody does, or a worker of it lives.
    """
    where = str(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    leader, writer = FileLock(leader_path(path)), FileLock(lock_path(path))
    try:
        if not leader.try_acquire():
            raise UsageError(in_use(where, ["a dispatcher"]))
        if not writer.try_acquire():
            raise UsageError(in_use(where, ["a program that writes"]))
        if path.exists():
            _refuse_living(path)
        yield
    finally:
        writer.release()
        leader.release()


@contextmanager
def closed_file(path: Path) -> Iterator[None]:
    """Let a file, which need not be there, have no logs while another takes its place in the block.

    Where the block fails it is as it was. Raises `UsageError` where somebody has it open: what such
    a program writes would be lost. A file that is damaged, or no database, stays as it is.
    """
    if not path.exists():
        yield
        return
    _close(path)
    try:
        yield
    except BaseException:
        with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.DatabaseError):
            connection.execute("PRAGMA journal_mode = WAL")
        raise


def _close(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=1.0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise UsageError(in_use(str(path), ["a program that has it open"])) from None


@contextmanager
def held_database(url: str) -> Iterator[Connection]:
    """A transaction in which a Postgres database is a store without a batch and nobody else's.

    Raises `UsageError` where somebody uses it, or there is a batch in it.
    """
    parsed = parse_url(url)
    where = describe(parsed)
    engine = make_engine(parsed, Kind.DURABLE)
    try:
        with translate_store_errors(where), engine.begin() as c:
            take_your_time(c)
            prepare_database(c, where)
            names = [table.name for table in TABLES]
            if users := users_of(c, leads=is_led(c)):
                raise UsageError(in_use(where, users))
            c.exec_driver_sql(f"LOCK TABLE {', '.join(names)} IN EXCLUSIVE MODE")
            refuse_full(c, where)
            for name in names:
                # What a leader and its workers left there without a batch.
                c.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608
            yield c
    finally:
        engine.dispose()


def refuse_full(c: Connection, where: str) -> None:
    """Raise `UsageError` where there is a batch in a store, or money was spent."""
    if not is_empty(c):
        raise UsageError(
            f"The store {where} is not empty. Name a new file or an empty database:"
            " nothing is mixed, and nothing is written over."
        )


def is_empty(c: Connection) -> bool:
    """Whether nobody would miss anything of a store."""
    return not _IS_FULL(c).scalar_one()


def _refuse_living(path: Path) -> None:
    engine = make_engine(parse_url(f"sqlite:///{path}"), Kind.READ)
    users: list[str] = []
    # A file that cannot be read has no workers that could write to it.
    with suppress(StoreError), translate_store_errors(str(path)), engine.begin() as c:
        users = users_of(c, leads=False)
    engine.dispose()
    if users:
        raise UsageError(in_use(str(path), users))


_IS_FULL = Sql(
    "SELECT EXISTS (SELECT 1 FROM batches) OR EXISTS (SELECT 1 FROM jobs)"
    " OR EXISTS (SELECT 1 FROM ledger)"
)
