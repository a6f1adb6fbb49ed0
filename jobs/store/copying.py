"""A copy of a whole store in a new one, of the same kind or the other, counted and compared."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from jobs.errors import NoStoreError, OtherVersionError, StoreError, UsageError
from jobs.sizes import size_text
from jobs.store.dialect import Sql
from jobs.store.duplicate import OnProgress, finish_file, write_database, write_file
from jobs.store.engines import Kind, make_engine, parse_url, sqlite_path
from jobs.store.errors import translate_store_errors
from jobs.store.newfile import made_beside, put_in_place
from jobs.store.settling import settle
from jobs.store.snapshot import Snapshot, snapshot
from jobs.store.store import check_version, describe
from jobs.store.totals import Totals, differing, totals
from jobs.store.usage import is_led_now, users_of
from jobs.store.vacancy import closed_file, held_database, held_file, refuse_full


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the new store, which is the same as in the old one."""

    #: The addresses of both, without passwords.
    source: str
    target: str
    #: Number of rows by table, the same on both sides.
    rows: dict[str, int]
    #: Who used the old store at the moment of the copy, in words: what they do afterwards is not
    #: in it.
    used_by: tuple[str, ...]
    #: Jobs that ran or were handed out at that moment; in the copy they wait.
    handed_back: int


def copy_store(source: str, target: str, on_progress: OnProgress) -> Copied:
    """Copy a store, given by its URL, into a new or empty one.

    All or nothing: stopped or killed, there is no copy, and the same call begins again. Raises
    `UsageError` where there is nothing to copy or no place for it, and `StoreError` where the copy
    turned out to be another than what was copied.
    """
    from_file, to_file = sqlite_path(parse_url(source)), sqlite_path(parse_url(target))
    if from_file is not None and to_file is not None and from_file.resolve() == to_file.resolve():
        raise UsageError(_SAME.format(where=from_file))
    with whole_store(source) as snap:
        used_by = users_of(snap.c, leads=is_led_now(snap.c, from_file))
        before = totals(snap.c)
        if to_file is None:
            handed_back = _into_database(snap, target, before, on_progress)
        else:
            handed_back = _into_file(snap, to_file, before, on_progress)
        return Copied(
            source=snap.where,
            target=describe(parse_url(target)),
            rows=before.rows,
            used_by=tuple(used_by),
            handed_back=handed_back,
        )


@contextmanager
def whole_store(url: str) -> Iterator[Snapshot]:
    """A snapshot of a store of this program's version.

    Raises `UsageError` where it is no such store, or what is met in the block is none.
    """
    try:
        with snapshot(url) as snap:
            check_version(snap.where, snap.version)
            yield snap
    except (NoStoreError, OtherVersionError) as error:
        # Somebody named the wrong one: the same command would not do better later.
        raise UsageError(str(error)) from error


def refuse_without_room(size: int, path: Path) -> None:
    """Raise `UsageError` where the disk of `path` cannot hold another file of this size."""
    free = shutil.disk_usage(path.parent).free
    if free < size:
        raise UsageError(
            f"The copy takes about {size_text(size)}, and the disk that it goes to has"
            f" {size_text(free) if free else 'nothing'} free. Make room, or name another place."
        )


def _into_database(snap: Snapshot, url: str, before: Totals, on_progress: OnProgress) -> int:
    with held_database(url) as c:
        if not snap.is_file:
            _refuse_same(snap, c, describe(parse_url(url)))
        write_database(snap, c, on_progress)
        _compare(before, c)
        return settle(c)


def _into_file(snap: Snapshot, path: Path, before: Totals, on_progress: OnProgress) -> int:
    with told_of_disk(path), held_file(path):
        if path.exists():
            with whole_store(f"sqlite:///{path}") as there:
                refuse_full(there.c, there.where)
        refuse_without_room(snap.size(), path)
        with made_beside(path) as new:
            write_file(snap, new, on_progress)
            finish_file(new, is_store=True)
            with opened(new) as c:
                _compare(before, c)
                handed_back = settle(c)
            with closed_file(path):
                put_in_place(new, path)
        return handed_back


@contextmanager
def told_of_disk(path: Path) -> Iterator[None]:
    """Raises `UsageError` where the disk does not let a store be made at `path` in the block."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"The store {path} cannot be made: {error.strerror or error}. Mend that, or name"
            " another place."
        ) from error


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """A transaction in a file of nobody else's; all of it is in the file itself afterwards."""
    engine = make_engine(parse_url(f"sqlite:///{path}"), Kind.DURABLE)
    try:
        with translate_store_errors(str(path)), engine.begin() as c:
            yield c
    finally:
        # The last connection takes the log with it.
        engine.dispose()


def _compare(before: Totals, c: Connection) -> None:
    if tables := differing(before, totals(c)):
        raise StoreError(
            f"The copy is not what was copied: {', '.join(tables)}. Nothing was kept of it; give"
            " the same command again, and if it fails again, check the disks."
        )


def _refuse_same(snap: Snapshot, c: Connection, where: str) -> None:
    # One server may have many names.
    key = secrets.randbits(62)
    _LOCK(snap.c, key=key)
    if not _TRY(c, key=key).scalar_one():
        raise UsageError(_SAME.format(where=where))


_SAME = "Both are the store {where}. Name another file or database for the copy."
_LOCK = Sql("SELECT pg_advisory_xact_lock(:key)")
_TRY = Sql("SELECT pg_try_advisory_xact_lock(:key)")
