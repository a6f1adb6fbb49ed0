"""Deleting batches that ended long ago, from the place of the leading dispatcher.

A page a step, so that those who work hardly notice; a larger one while nothing runs.
"""

import logging
from collections.abc import Callable

from jobs.errors import StoreError
from jobs.store import actions, deleting, retention
from jobs.store.store import Store

logger = logging.getLogger(__name__)

#: Seconds between two looks for batches that are old by now.
LOOK_EVERY_S = 60.0
#: Rows that a step deletes, while jobs run and while none does.
BUSY_PAGE = 100
QUIET_PAGE = 2_000
#: Bytes of a file up to which it is written anew by the dispatcher, who does nothing else
#: meanwhile. What is larger waits for somebody to say `nightmill prune`.
COMPACT_UP_TO = 1_000_000_000


class Retention:
    """Keeps batches for `keep_s` seconds after their end; None is for ever.

    `on_gone` is called with the id of each batch that was deleted.
    """

    def __init__(
        self, store: Store, keep_s: float | None, on_gone: Callable[[str], None] = lambda _id: None
    ) -> None:
        self._store = store
        self._keep_s = keep_s
        self._on_gone = on_gone
        self._look_at = float("-inf")
        self._left: list[str] = []
        self._has_deleted = False

    def step(self, now: float, *, is_quiet: bool) -> None:
        """Look for old batches when it is time, and delete a page of one of them."""
        if self._keep_s is None:
            return
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._left = self._find(self._keep_s)
        if self._left:
            self._delete_page(self._left[0], QUIET_PAGE if is_quiet else BUSY_PAGE)
        elif self._has_deleted and is_quiet:
            self._has_deleted = False
            self._compact()

    def _find(self, keep_s: float) -> list[str]:
        with self._store.write() as c:
            old = retention.hide(c, keep_s)
            if old:
                rows = sum(batch.rows for batch in old)
                actions.note(c, actions.BY_ITSELF, "prune", batches=len(old), rows=rows)
            # Those of an earlier leader are among them.
            left = deleting.half_deleted(c)
        for batch in old:
            logger.info(
                "Batch %s ended long ago and is deleted.", batch.id, extra={"action": "pruned"}
            )
        return left

    def _delete_page(self, batch_id: str, limit: int) -> None:
        with self._store.write() as c:
            rows = deleting.drop_page(c, batch_id, limit)
            if rows < limit:
                deleting.forget(c, batch_id)
        if rows < limit:
            self._left.remove(batch_id)
            self._has_deleted = True
            self._on_gone(batch_id)

    def _compact(self) -> None:
        with self._store.read() as c:
            is_any_unfinished = deleting.is_any_unfinished(c)
        if is_any_unfinished or self._store.size() > COMPACT_UP_TO:
            return
        try:
            if self._store.has_room_to_compact():
                self._store.compact()
        except StoreError as error:
            # The room is used again; only the file does not get smaller.
            logger.info("The store was not made smaller: %s", error, extra={"action": "uncompact"})
