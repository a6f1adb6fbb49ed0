"""Pausing batches that fail too much, from the place of the leading dispatcher."""

import logging
from collections import Counter

from jobs.model import BRAKE
from jobs.store import actions, batches, pauses
from jobs.store.store import Store
from producer.failing import Ended, Endings, reason_to_pause

logger = logging.getLogger(__name__)


class Brake:
    """Keeps in mind how the rows of each batch have ended of late.

    A batch that was resumed, or is led by another process now, begins with a clean record.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._endings: dict[str, Endings] = {}

    def check(self) -> Counter[str]:
        """Look at all batches that are handed out and pause those that fail too much.

        Returns how many jobs were taken back by that, by pool.
        """
        to_pause = self._look()
        recalled: Counter[str] = Counter()
        for batch_id, reason in to_pause.items():
            with self._store.write() as c:
                taken_back = pauses.pause(c, batch_id, reason)
                if taken_back is not None:
                    actions.note(c, BRAKE, "pause", batch_id=batch_id, reason=reason)
            del self._endings[batch_id]
            if taken_back is None:
                continue
            recalled += taken_back
            logger.warning("Batch %s is paused: %s.", batch_id, reason, extra={"action": "paused"})
        return recalled

    def _look(self) -> dict[str, str]:
        """The batches to pause, and why."""
        with self._store.read() as c:
            found = [(batch, batches.counts(c, batch.id)) for batch in batches.handed_out(c)]
        endings, to_pause = {}, {}
        for batch, counts in found:
            before = self._endings.get(batch.id, Endings(revision=batch.revision))
            seen = before.seen(batch.revision, Ended(counts.succeeded, counts.failed))
            endings[batch.id] = seen
            if reason := reason_to_pause(seen.last, batch.max_failures):
                to_pause[batch.id] = reason
        self._endings = endings
        return to_pause
