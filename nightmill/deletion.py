"""Deleting a batch for good, so that neither its prompts nor its answers are left in the store."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import msgspec
from sqlalchemy import Connection

from jobs.store import deleting
from jobs.store.paging import in_pages
from jobs.store.store import Store
from nightmill.embedded.child import remove_logs
from nightmill.embedded.datadir import DataDir
from worker import spool

#: Called with the number of rows deleted so far; what it raises stops the deletion there.
OnProgress = Callable[[int], None]


#: Writing the file anew would stop everybody who writes for a batch that is not over; or the disk
#: has no room for it.
NotCleaned = Literal["unfinished_batches", "no_room"]


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """Where something of what was deleted may still be."""

    #: Why traces of it may still be in the store's file, though no rows; None where there are
    #: none. The next deletion of any batch, or the same one again, cleans the file if it can.
    not_cleaned: NotCleaned | None
    #: Whether the store's log was emptied too; not while somebody reads from it all the time.
    is_log_empty: bool
    #: Whole stores that are kept from before an upgrade or a restore: it may still be in them.
    copies: tuple[str, ...]


class Deleted(Cleaned, frozen=True, kw_only=True):
    """What is gone."""

    id: str
    rows: int


def delete_batch(
    store: Store,
    data_dir: DataDir,
    word: str,
    on_progress: OnProgress = lambda _rows: None,
    *,
    is_forced: bool = False,
) -> Deleted:
    """Delete the batch that `word` names, and whatever a deletion that was stopped left behind.

    Nobody sees the batch from the first moment on; stopped half-way, the same call goes on. The
    logs of its runs on this machine go, files of results stay. Raises `UsageError` while jobs of it
    run, unless `is_forced` takes them away from their worker.
    """
    record_spooled(data_dir, store)
    with store.write(durable=True) as c:
        batch_id = deleting.find(c, word)
        deleting.hide(c, batch_id, is_forced=is_forced)
    rows, cleaned = delete_hidden(store, data_dir, on_progress)
    return Deleted(id=batch_id, rows=rows, **msgspec.structs.asdict(cleaned))


def record_spooled(data_dir: DataDir, store: Store) -> None:
    """Bring answers that are on this machine's disk only into the store: they go with the rest."""
    spool.record_left_behind(spool.folder_in(data_dir.path), store)


def delete_hidden(store: Store, data_dir: DataDir, on_progress: OnProgress) -> tuple[int, Cleaned]:
    """Delete all batches that are hidden, and clean the store's file; how many rows those were."""
    with store.read() as c:
        hidden = deleting.half_deleted(c)
    rows = _empty(store, hidden, on_progress)
    for each in hidden:
        forget_files(data_dir, each)
    not_cleaned = _why_not_clean(store)
    is_log_empty = not_cleaned is None and store.compact()
    if not_cleaned is None:
        # Last of all: as long as they are there the same command finds what is left to do.
        with store.write(durable=True) as c:
            for each in hidden:
                deleting.forget(c, each)
    return rows, Cleaned(
        not_cleaned=not_cleaned,
        is_log_empty=is_log_empty,
        copies=tuple(map(str, store.copies())),
    )


def forget_files(data_dir: DataDir, batch_id: str) -> None:
    """Remove what of a deleted batch may be in files of this machine: logs, and damaged answers."""
    remove_logs(data_dir.log_of_run(batch_id))
    spool.remove_damaged(spool.folder_in(data_dir.path))


def _empty(store: Store, hidden: list[str], on_progress: OnProgress) -> int:
    rows = 0
    for batch_id in hidden:
        for dropped in in_pages(store, partial(_drop_page, batch_id=batch_id)):
            rows += dropped
            on_progress(rows)
    return rows


def _drop_page(c: Connection, limit: int, *, batch_id: str) -> int:
    return deleting.drop_page(c, batch_id, limit)


def _why_not_clean(store: Store) -> NotCleaned | None:
    if not store.is_file:
        return None
    with store.read() as c:
        is_any_unfinished = deleting.is_any_unfinished(c)
    if is_any_unfinished:
        return "unfinished_batches"
    return None if store.has_room_to_compact() else "no_room"
