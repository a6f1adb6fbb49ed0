"""Deadlines, from the place of the leading dispatcher: who comes first for it, and who is too late.

What is left of a batch that has ended, whether it expired or was cancelled, ends here page by page.
"""

import logging
import math

from jobs.deadlines import is_near
from jobs.errors import UsageError
from jobs.store import batches, deadlines, ending
from jobs.store.deadlines import Due
from jobs.store.store import Store

logger = logging.getLogger(__name__)

#: Jobs ended in one transaction: others want to write too.
PAGE = 1_000


class Expiry:
    """Keeps in mind whose deadline is near, and what of ended batches is to be ended yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._half_ended: list[str] = []
        self._next_at = math.inf
        #: Ids of the batches that come first among their equals.
        self.urgent: frozenset[str] = frozenset()

    def look(self, now: float) -> None:
        """End what is too late, and find out whose deadline is near and what is half ended.

        `now` counts seconds, as in `go_on`.
        """
        with self._store.read() as c:
            due = deadlines.due(c)
            unfinished = {d.batch_id: batches.counts(c, d.batch_id).unfinished for d in due}
        self.urgent = frozenset(d.batch_id for d in due if _is_near(d, unfinished[d.batch_id]))
        self._next_at = now + min((d.left_s for d in due if d.left_s > 0), default=math.inf)
        for late in (d for d in due if d.left_s <= 0):
            self._expire(late.batch_id)
        with self._store.read() as c:
            self._half_ended = ending.half_ended(c)

    def go_on(self, now: float) -> None:
        """End what has come to its deadline since the last look, and one page of what is half
        ended.
        """
        if now >= self._next_at:
            self.look(now)
        if self._half_ended and self._end_page(self._half_ended[0]) < PAGE:
            del self._half_ended[0]

    def _expire(self, batch_id: str) -> None:
        try:
            with self._store.write() as c:
                expired = deadlines.expire(c, batch_id, PAGE)
        except UsageError:
            # Somebody has deleted it meanwhile.
            return
        if expired:
            logger.warning(
                "The deadline of batch %s has passed: what is not done expires.",
                batch_id,
                extra={"action": "expired"},
            )

    def _end_page(self, batch_id: str) -> int:
        try:
            with self._store.write() as c:
                return ending.end_more(c, batch_id, PAGE)
        except UsageError:
            return 0


def _is_near(due: Due, unfinished: int) -> bool:
    return is_near(due.left_s, due.span_s, unfinished, due.jobs_per_s)
