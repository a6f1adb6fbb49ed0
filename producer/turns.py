"""Whose turn it is among batches that are equals: that of who was served longest ago."""

from collections.abc import Iterable


class Turns:
    """Counts the times that jobs were handed out, and keeps in mind when each batch was served.

    Another process that leads begins anew: at worst a batch is served twice on end by that.
    """

    def __init__(self) -> None:
        self._turn = 0
        self._last: dict[str, int] = {}

    def of(self, batch_id: str) -> int:
        """When a batch was served last, or began to wait; the lowest is longest ago."""
        return self._last.setdefault(batch_id, self._turn)

    def served(self, batch_ids: Iterable[str]) -> None:
        """These batches were given jobs just now."""
        self._turn += 1
        self._last |= dict.fromkeys(batch_ids, self._turn)

    def keep(self, batch_ids: Iterable[str]) -> None:
        """Forget all batches but these."""
        self._last = {batch_id: self.of(batch_id) for batch_id in batch_ids}
