"""Writing all of a snapshot somewhere else: into a SQLite file or a Postgres database."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, Table

from jobs.disk import sync
from jobs.errors import StoreError
from jobs.store.driver import driver_of
from jobs.store.migrate import make_file
from jobs.store.newfile import touch_private
from jobs.store.snapshot import TABLES, Snapshot, column_names
from jobs.store.totals import row_counts

#: Called with how much is done, and of how much: rows, or pages of a file. What it raises stops
#: the copying there.
OnProgress = Callable[[int, int], None]

#: Pages of a file that are copied between two looks at the clock: a megabyte.
_PAGES = 256
#: Megabytes after which what was written is waited for, so that others never wait long for it.
_SYNC_EVERY = 8


def write_file(snap: Snapshot, path: Path, on_progress: OnProgress, rest: float = 0.0) -> None:
    """Make `path` a store with all that the snapshot holds; what is there goes.

    `rest`: seconds to rest for each second of work, so that others get at disk and processor.
    Nobody may read the file before it was closed by `finish_file`. Raises `StoreError` where it
    cannot be written.
    """
    told = paced(on_progress, rest)
    with _fullness_told():
        if snap.is_file:
            _copy_pages(snap, path, told)
        else:
            make_file(path)
            _insert_rows(snap, path, told)


def finish_file(path: Path, *, is_store: bool) -> None:
    """Leave a file that was written as a store that others may open, or as one file and no logs."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {'WAL' if is_store else 'DELETE'}")


def write_database(snap: Snapshot, c: Connection, on_progress: OnProgress) -> None:
    """Bring all that the snapshot holds into the empty tables of a Postgres database."""
    progress = _Counting(snap, on_progress)
    with driver_of(c) as connection, connection.cursor() as cursor:
        for table in TABLES:
            columns = ", ".join(column_names(table))
            with cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
                for chunk in snap.rows(table):
                    for row in chunk:
                        copy.write_row(row)
                    progress.add(len(chunk))
    for table in _numbered():
        c.exec_driver_sql(_GO_ON.format(table=table.name))


def paced(
    on_progress: OnProgress,
    rest: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> OnProgress:
    """The same, but it rests so many seconds for each second that went by since it last did."""
    worked_since = clock()

    def step(done: int, total: int) -> None:
        nonlocal worked_since
        on_progress(done, total)
        if rest:
            sleep(rest * (clock() - worked_since))
            worked_since = clock()

    return step


def _copy_pages(snap: Snapshot, path: Path, on_progress: OnProgress) -> None:
    touch_private(path)
    with (
        # The transaction of the snapshot is open: without one, every write of others would make
        # the copying begin again.
        driver_of(snap.c) as source,
        _to_sync(path) as fd,
        closing(_unlogged(path)) as target,
    ):
        steps = count(1)

        def step(_status: int, remaining: int, total: int) -> None:
            if next(steps) % _SYNC_EVERY == 0:
                sync(fd)
            on_progress(total - remaining, total)

        source.backup(target, pages=_PAGES, progress=step)


def _insert_rows(snap: Snapshot, path: Path, on_progress: OnProgress) -> None:
    progress = _Counting(snap, on_progress)
    with closing(_unlogged(path)) as target:
        target.execute("BEGIN")
        for table in TABLES:
            names = column_names(table)
            marks = ", ".join("?" for _ in names)
            insert = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
            for chunk in snap.rows(table):
                target.executemany(insert, chunk)
                progress.add(len(chunk))
        target.execute("COMMIT")


class _Counting:
    """Tells how many of all rows of a snapshot there are so far."""

    def __init__(self, snap: Snapshot, on_progress: OnProgress) -> None:
        self._total = sum(row_counts(snap.c).values())
        self._done = 0
        self._on_progress = on_progress

    def add(self, rows: int) -> None:
        self._done += rows
        self._on_progress(self._done, self._total)


def _unlogged(path: Path) -> sqlite3.Connection:
    """For a file that nobody misses before it is complete."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


@contextmanager
def _to_sync(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _fullness_told() -> Iterator[None]:
    """The store that is read from has nothing to do with it."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_FULL":
            raise
        raise StoreError(
            "The disk that the copy goes to is full. Make room, or name another place; then give"
            " the same command again."
        ) from error


def _numbered() -> Iterator[Table]:
    """The tables that number their rows by themselves."""
    return (table for table in TABLES if table.autoincrement_column is not None)


#: The next row gets the next number.
_GO_ON = (
    "SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false)"
    " FROM {table}"
)
