"""A known batch goes on: its rows run again, or leave it, page by page."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from jobs.store import rereading, resuming
from jobs.store.paging import found_pages
from jobs.store.store import Store

T = TypeVar("T")


def resume(store: Store, batch_id: str, change: Callable[[Connection], T]) -> T:
    """Let what was cancelled or has expired run after all, and `change` the batch before; what
    the change says.

    Raises `StoppedEarlyError` where somebody ends the batch meanwhile.
    """
    pages = found_pages(store, partial(resuming.cut_short, batch_id=batch_id))
    first = next(pages, None)
    with store.write(durable=True) as c:
        changed = change(c)
        # Together with the first rows: without any it would be over at once.
        resuming.begin(c, batch_id, () if first is None else first.job_ids)
    for page in pages:
        with store.write(durable=True) as c:
            resuming.go_on(c, batch_id, page.job_ids)
    return changed


def end_reading(store: Store, batch_id: str, revision: int) -> None:
    """Bring the rows of earlier readings up to this one, all of which is in.

    Raises `StoppedEarlyError` where somebody ends the batch meanwhile, or reads it again.
    """
    for page in found_pages(store, partial(rereading.gone, batch_id=batch_id, revision=revision)):
        with store.write(durable=True) as c:
            rereading.let_go(c, batch_id, revision, page.job_ids)
    for page in found_pages(store, partial(resuming.cut_short, batch_id=batch_id)):
        with store.write(durable=True) as c:
            rereading.run_again(c, batch_id, revision, page.job_ids)
