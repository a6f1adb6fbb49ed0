"""Samples of what the pools do, taken at an even pace while somebody dispatches."""

from collections.abc import Sequence

from jobs.store import samples
from jobs.store.dispatch import LivePool
from jobs.store.store import Store


class Sampler:
    """Takes a sample of every pool each `samples.EVERY_S` seconds; `now` is the caller's clock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._due_at: float | None = None

    def look(self, pools: Sequence[LivePool], now: float) -> None:
        """Take a sample if one is due. What was done before the first look is in none."""
        if self._due_at is None:
            with self._store.write() as c:
                samples.skip(c)
        elif now >= self._due_at:
            self.sample(pools)
        else:
            return
        self._due_at = now + samples.EVERY_S

    def sample(self, pools: Sequence[LivePool]) -> None:
        """Take one now."""
        with self._store.write() as c:
            samples.sample(c, {pool.name: pool.running for pool in pools})
