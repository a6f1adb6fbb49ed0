"""A backup takes the place of a store, in one step and only where nobody uses that."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import msgspec
from sqlalchemy import text

from jobs.disk import sync_path
from jobs.errors import StoreError, UsageError
from jobs.store.backing_up import fault_of
from jobs.store.copying import (
    copy_store,
    opened,
    refuse_without_room,
    told_of_disk,
)
from jobs.store.duplicate import OnProgress, finish_file, write_file
from jobs.store.engines import parse_url, sqlite_path
from jobs.store.migrate import upgrade_file
from jobs.store.newfile import logs_of, made_beside, put_in_place
from jobs.store.settling import settle
from jobs.store.snapshot import Snapshot, snapshot
from jobs.store.store import describe, is_version, replaced_path
from jobs.store.vacancy import closed_file, held_file, is_empty
from jobs.store.version import HEAD


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the store now."""

    #: The address of the store, without its password.
    store: str
    #: The absolute path of the backup, which is as it was.
    file: str
    #: The version of the store that was backed up; it is of this program's now.
    from_version: str
    #: Where the store that was there before is kept; None where it held nothing.
    kept: str | None
    batches: int
    #: Rows of all batches.
    rows: int
    #: Jobs that ran or were handed out when the backup was made; they wait now, charged to nobody.
    handed_back: int


class _Made(msgspec.Struct, frozen=True, kw_only=True):
    from_version: str
    batches: int
    rows: int
    handed_back: int


def restore(
    url: str,
    file: Path,
    on_progress: OnProgress,
    *,
    when: str,
    scratch: Path,
    is_replacing: bool = False,
) -> Restored:
    """Put a backup in the place of the store at `url`; all of it or nothing.

    A store with batches is replaced only if `is_replacing`, and kept beside as a file with `when`
    in its name. One on Postgres is never replaced: in its server there is no file to go back to,
    while another database is made in a second. What needs a file in between is made in `scratch`.
    Raises `UsageError` where the file is no backup, or the store has batches or is in use.
    """
    file = file.absolute()
    # Before anything is said of the store: nobody should mend that for nothing.
    require_backup(file)
    path = sqlite_path(parse_url(url))
    if path is None:
        kept, made = None, _into_database(url, file, scratch, on_progress)
    else:
        kept, made = _into_file(path, file, when, on_progress, is_replacing=is_replacing)
    return Restored(
        store=describe(parse_url(url)),
        file=str(file),
        kept=None if kept is None else str(kept),
        **msgspec.structs.asdict(made),
    )


def require_backup(file: Path) -> None:
    """Raise `UsageError` where there is no file, or none that `restore` could put in a place."""
    if not file.is_file():
        raise UsageError(f"There is no file {file}. Name a file that `nightmill backup` wrote.")
    with _read(file) as backup:
        _version_of(backup, file)


def batches_in(url: str) -> int | None:
    """How many batches the store at `url` has; None where that cannot be read, 0 without one."""
    path = sqlite_path(parse_url(url))
    if path is not None and not path.exists():
        return 0
    with suppress(StoreError), snapshot(url) as there:
        if there.version is None:
            # On Postgres, an empty database; a file is something else's.
            return 0 if path is None else None
        if is_empty(there.c):
            return 0
        return int(there.c.execute(text("SELECT count(*) FROM batches")).scalar_one())
    return None


def _into_file(
    path: Path, file: Path, when: str, on_progress: OnProgress, *, is_replacing: bool
) -> tuple[Path | None, _Made]:
    if path.exists() and path.samefile(file):
        raise UsageError(f"{file} is the store itself. Name a file that `nightmill backup` wrote.")
    with told_of_disk(path), held_file(path):
        there = batches_in(f"sqlite:///{path}")
        if there != 0 and not is_replacing:
            raise UsageError(would_replace(str(path), there))
        with made_beside(path) as new:
            made = _make(new, file, on_progress)
            with closed_file(path):
                kept = None if there == 0 else _keep(path, when)
                put_in_place(new, path)
        return kept, made


def _into_database(url: str, file: Path, scratch: Path, on_progress: OnProgress) -> _Made:
    where, there = describe(parse_url(url)), batches_in(url)
    if there != 0:
        raise UsageError(
            f"The store {where} is not empty, and a backup takes the place of none on Postgres:"
            " there would be no file to go back to. Make another database with `createdb`, name it"
            " in `store.url`, and give the same command again."
        )
    between = scratch / "restored.db"
    with told_of_disk(between), made_beside(between) as new:
        made = _make(new, file, lambda _done, _total: None)
        copy_store(f"sqlite:///{new}", url, on_progress)
    return made


def _make(new: Path, file: Path, on_progress: OnProgress) -> _Made:
    """Make a store of this program's version out of a backup."""
    with _read(file) as backup:
        version = _version_of(backup, file)
        refuse_without_room(backup.size(), new)
        write_file(backup, new, on_progress)
    if fault := fault_of(new):
        raise UsageError(f"The backup {file} is damaged ({fault}). Restore an older one.")
    finish_file(new, is_store=True)
    if version != HEAD:
        upgrade_file(new)
    with opened(new) as c:
        handed_back = settle(c)
        batches, rows = c.execute(text(_AMOUNT)).one()
    return _Made(from_version=version, batches=batches, rows=rows, handed_back=handed_back)


@contextmanager
def _read(file: Path) -> Iterator[Snapshot]:
    try:
        with snapshot(f"sqlite:///{file}") as backup:
            yield backup
    except StoreError as error:
        raise UsageError(f"{file} cannot be read as a backup: {error}") from error


def _version_of(backup: Snapshot, file: Path) -> str:
    version = backup.version
    if version is None or not is_version(version):
        raise UsageError(f"{file} is a database, but no backup of a store. Name another file.")
    if version > HEAD:
        raise UsageError(
            f"The backup {file} is of version {version}, newer than this program's {HEAD}: upgrade"
            " nightmill."
        )
    return version


def _keep(path: Path, when: str) -> Path:
    """Give what is there a second name, which is its only one once the backup is in its place."""
    # Another restore may have been killed, or have ended, in the same second.
    places = (replaced_path(path, f"{when}-{n}" if n > 1 else when) for n in count(1))
    kept = next(place for place in places if not place.exists())
    _link(path, kept)
    for log, kept_log in zip(logs_of(path), logs_of(kept), strict=True):
        # Only a damaged store has any by now.
        if log.exists():
            _link(log, kept_log)
    return kept


def _link(file: Path, to: Path) -> None:
    try:
        os.link(file, to)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems, such as those of memory sticks, know no second names.
        _copy(file, to)


def _copy(file: Path, to: Path) -> None:
    os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        shutil.copyfile(file, to)
        sync_path(to)
    except BaseException:
        to.unlink()
        raise


def would_replace(where: str, there: int | None) -> str:
    """The sentence for a store that has batches, or one in which they cannot be counted."""
    noun = "batch" if there == 1 else "batches"
    has = "cannot be read" if there is None else f"has {there:,} {noun}"
    return (
        f"The store {where} {has}. Say --yes to let the backup take its place; it is kept beside as"
        " a file."
    )


_AMOUNT = "SELECT (SELECT count(*) FROM batches), (SELECT count(*) FROM jobs WHERE revision > 0)"
