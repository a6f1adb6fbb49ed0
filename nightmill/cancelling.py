"""Ending a batch or one of its rows before its time."""

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from jobs.ids import JOB_PREFIX
from jobs.settings import Settings
from jobs.store import actions, batches, ending
from jobs.store.ending import Job
from jobs.store.paging import in_pages
from jobs.store.store import Store
from nightmill.machine import who


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """What was ended."""

    #: The batch.
    id: str
    #: Rows of it that do not run any more.
    cancelled: int
    #: The one job that was named; None where the whole batch was.
    job: str | None = None


def is_job(word: str) -> bool:
    """Whether a word names a job rather than a batch."""
    return word.startswith(JOB_PREFIX)


def cancel_batch(
    settings: Settings,
    store: Store,
    word: str,
    on_progress: Callable[[int], None] = lambda _rows: None,
) -> Cancelled:
    """End what is unfinished in the batch that `word` names.

    Nothing of it begins any more after the first moment. Stopped half-way, as by what
    `on_progress` raises, the dispatcher ends the rest. Raises `UsageError` where there is no such
    batch.
    """
    with store.read() as c:
        batch_id = batches.get(c, word).id
    cancelled = 0

    def end_page(c: Connection, limit: int) -> int:
        if cancelled:
            # Somebody may have opened it again meanwhile.
            return ending.end_more(c, batch_id, limit)
        rows = ending.cancel(c, batch_id, limit)
        if rows:
            actions.note(c, who(settings), "cancel", batch_id=batch_id)
        return rows

    for rows in in_pages(store, end_page, durable=True):
        cancelled += rows
        on_progress(cancelled)
    return Cancelled(id=batch_id, cancelled=cancelled)


def cancel_job(settings: Settings, store: Store, word: str, row: str | None = None) -> Cancelled:
    """End one job: that of a row of a batch, or else the one whose id begins with `word`.

    Raises `UsageError` where there is no such job, or more than one.
    """
    with store.write(durable=True) as c:
        job = _find(c, word, row)
        is_ended = ending.cancel_job(c, job.id)
        if is_ended:
            actions.note(c, who(settings), "cancel", batch_id=job.batch_id, job=job.id)
    return Cancelled(id=job.batch_id, cancelled=int(is_ended), job=job.id)


def _find(c: Connection, word: str, row: str | None) -> Job:
    if row is None:
        return ending.find_job(c, word)
    return ending.find_row(c, batches.get(c, word).id, row)
