"""Deleting all batches that ended long ago."""

import msgspec

from jobs.settings import Settings
from jobs.store import actions, retention
from jobs.store.retention import Old
from jobs.store.store import Store
from nightmill.deletion import Cleaned, OnProgress, delete_hidden, record_spooled
from nightmill.embedded.datadir import DataDir
from nightmill.machine import who


class Pruned(Cleaned, frozen=True, kw_only=True):
    """What went."""

    batches: tuple[Old, ...]
    #: Rows of them all, and of deletions that were stopped half-way before.
    rows: int


def prune(
    settings: Settings, store: Store, age_s: float, on_progress: OnProgress = lambda _rows: None
) -> Pruned:
    """Delete the batches that ended longer ago than so many seconds, as `delete_batch` does one.

    Nobody sees them from the first moment on; stopped half-way, the same call goes on.
    """
    data_dir = DataDir(settings.data_dir)
    record_spooled(data_dir, store)
    with store.write(durable=True) as c:
        old = retention.hide(c, age_s)
        if old:
            rows = sum(batch.rows for batch in old)
            actions.note(c, who(settings), "prune", batches=len(old), rows=rows)
    rows, cleaned = delete_hidden(store, data_dir, on_progress)
    return Pruned(batches=tuple(old), rows=rows, **msgspec.structs.asdict(cleaned))


def would_prune(store: Store, age_s: float) -> list[Old]:
    """The batches that `prune` would delete."""
    with store.read() as c:
        return retention.ended_before(c, age_s)
