"""A safety copy of a store in one SQLite file, made while everything goes on."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from jobs.errors import StoreError, UsageError
from jobs.store.copying import refuse_without_room, whole_store
from jobs.store.duplicate import OnProgress, finish_file, write_file
from jobs.store.engines import parse_url, sqlite_path
from jobs.store.errors import translate_store_errors
from jobs.store.newfile import made_beside, put_in_place
from jobs.store.snapshot import TABLES, Snapshot
from jobs.store.totals import row_counts

#: Seconds of rest for each second of copying a file, so that recording is hardly slowed.
REST = 3.0


class BackedUp(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a backup."""

    #: The address of the store, without its password.
    store: str
    #: The absolute path of the backup.
    file: str
    #: Bytes of it.
    size: int
    batches: int
    #: Rows of all batches.
    rows: int


def back_up(url: str, file: Path, on_progress: OnProgress, *, is_forced: bool = False) -> BackedUp:
    """Write all that a store holds at this moment into a file, and check that it is there.

    Whoever writes to the store is not kept waiting. Stopped or killed, what was at that path is
    as it was. Raises `UsageError` for a path that cannot be written to, or where something is
    already unless `is_forced`; and `StoreError` where the store cannot be read or the backup is
    not what it should be.
    """
    file = file.absolute()
    _refuse_path(url, file, is_forced=is_forced)
    with whole_store(url) as snap:
        try:
            refuse_without_room(snap.size(), file)
            with made_beside(file) as new:
                write_file(snap, new, on_progress, REST)
                finish_file(new, is_store=False)
                rows = _check(snap, new)
                put_in_place(new, file)
        except OSError as error:
            raise UsageError(_unwritable(file, error.strerror or str(error))) from error
        return BackedUp(
            store=snap.where,
            file=str(file),
            size=file.stat().st_size,
            batches=rows["batches"],
            rows=rows["jobs"],
        )


def fault_of(path: Path) -> str | None:
    """What is wrong with a SQLite file that nobody writes to, in SQLite's words."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            first = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.DatabaseError as error:
            first = str(error)
    return None if first == "ok" else first


def _check(snap: Snapshot, new: Path) -> dict[str, int]:
    with translate_store_errors(snap.where):
        if fault := fault_of(new):
            raise StoreError(
                f"The backup cannot be read again ({fault}), and was not kept. Check the disk of"
                f" the store {snap.where} and that of {new.parent}."
            )
        with closing(sqlite3.connect(new)) as written:
            rows = {
                table.name: written.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608
                for table in TABLES
            }
    expected = row_counts(snap.c)
    if rows != expected:
        tables = ", ".join(name for name in expected if rows[name] != expected[name])
        raise StoreError(
            f"The backup has another number of rows than the store in {tables}, and was not kept."
            " Give the same command again, and if it fails again, check the disks."
        )
    return expected


def _refuse_path(url: str, file: Path, *, is_forced: bool) -> None:
    store = sqlite_path(parse_url(url))
    if store is not None and file.resolve() == store.resolve():
        raise UsageError(f"{file} is the store itself. Name another file for the backup.")
    if not file.parent.is_dir():
        raise UsageError(_unwritable(file, "there is no such folder"))
    if file.is_dir():
        raise UsageError(_unwritable(file, "that is a folder"))
    if file.exists() and not is_forced:
        raise UsageError(
            f"{file} is there already. Name another file, or say --force to replace it."
        )


def _unwritable(file: Path, why: str) -> str:
    return f"The backup {file} cannot be written: {why}. Name another file."
