"""Deleting a batch for good, so that neither its prompts nor its answers are left in the store."""

import time
from collections.abc import Callable

import msgspec

from jobs.store import deleting
from jobs.store.store import Store

#: Rows of the first transaction, and of any.
FIRST_PAGE = 100
LARGEST_PAGE = 5_000
#: Seconds that one transaction should take: others wait as long.
PAGE_S = 0.1
#: Seconds between two transactions, in which others get to write.
PAUSE_S = 0.005

#: Called with the number of rows deleted so far; what it raises stops the deletion there.
OnProgress = Callable[[int], None]


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """What is gone, and where something of it may still be."""

    id: str
    rows: int
    #: Whether the store's log was emptied too; not while somebody reads from it all the time.
    is_log_empty: bool
    #: Copies of the whole store that were made before an upgrade: it is still in them.
    copies: tuple[str, ...]


def delete_batch(
    store: Store,
    word: str,
    on_progress: OnProgress = lambda _rows: None,
    *,
    is_forced: bool = False,
) -> Deleted:
    """Delete the batch that `word` names, and whatever a deletion that was stopped left behind.

    Nobody sees the batch from the first moment on; stopped half-way, the same call goes on. Files
    of results stay. Raises `UsageError` while jobs of it run, unless `is_forced` takes them away
    from their worker.
    """
    with store.write(durable=True) as c:
        batch_id = deleting.find(c, word)
        deleting.hide(c, batch_id, is_forced=is_forced)
        hidden = deleting.half_deleted(c)
    rows = _empty(store, hidden, on_progress)
    is_log_empty = store.compact()
    # Last of all: as long as they are there the same command finds what is left to do.
    with store.write(durable=True) as c:
        for each in hidden:
            deleting.forget(c, each)
    return Deleted(
        id=batch_id,
        rows=rows,
        is_log_empty=is_log_empty,
        copies=tuple(map(str, store.copies())),
    )


def _empty(store: Store, hidden: list[str], on_progress: OnProgress) -> int:
    rows, limit = 0, FIRST_PAGE
    for batch_id in hidden:
        while True:
            began = time.monotonic()
            with store.write() as c:
                dropped = deleting.drop_page(c, batch_id, limit)
            rows += dropped
            on_progress(rows)
            if dropped < limit:
                break
            limit = next_page(limit, time.monotonic() - began)
            time.sleep(PAUSE_S)
    return rows


def next_page(limit: int, took_s: float) -> int:
    """How many rows the next transaction takes, when this many took so long."""
    fitting = limit * PAGE_S / max(took_s, 0.001)
    return round(min(max(fitting, limit / 4, 1), 4 * limit, LARGEST_PAGE))
