"""Results as they come: which rows have finished since one last looked, each told once."""

import time

from jobs.model import Places, ResultRow
from jobs.store import batches, results
from jobs.store.store import Store

#: Rows looked through in one transaction.
PAGE = 2_000
#: Looking takes this part of the time at most, however large the batch.
SHARE = 0.1


class Finished:
    """The rows of a batch that have finished, in the order in which that was noticed.

    A row that runs again after it was told is not told again.
    """

    def __init__(self, store: Store, batch_id: str) -> None:
        self._store = store
        self._batch_id = batch_id
        #: Every row up to this line was told.
        self._up_to = 0
        #: The lines beyond it that were told.
        self._told: set[int] = set()
        self._number = 0
        self._next_look = 0.0

    def news(self) -> list[int]:
        """Lines of rows that have finished meanwhile; perhaps not yet all of them."""
        if time.monotonic() < self._next_look:
            return []
        with self._store.read() as c:
            missing = batches.counts(c, self._batch_id).finished - self._number
        return self._look(missing) if missing > 0 else []

    def rest(self) -> list[int]:
        """Lines of all rows that have finished and were not told yet."""
        return self._look(None)

    def fetch(self, lines: list[int]) -> list[ResultRow]:
        """What became of the rows of these lines, in their order, each placed in its file."""
        with self._store.read() as c:
            # Read anew: where the next file begins is known when its turn has come.
            places = Places(batches.get(c, self._batch_id).files)
            found = results.of_lines(c, self._batch_id, lines)
        return [row.placed(places) for row in found if row.state.is_terminal]

    def _look(self, wanted: int | None) -> list[int]:
        """Up to the last finished row where it is known how many are `wanted`, else to the end:
        in front of a large batch it takes its time to look at everything that waits.
        """
        began = time.monotonic()
        news: list[int] = []
        line, is_gapless = self._up_to, True
        while wanted is None or len(news) < wanted:
            with self._store.read() as c:
                page = results.progress(c, self._batch_id, line, PAGE)
            for line, state in page:
                is_gapless = is_gapless and state.is_terminal
                if state.is_terminal and line not in self._told:
                    news.append(line)
                    self._told.add(line)
                if is_gapless:
                    self._up_to = line
                    self._told.discard(line)
            if len(page) < PAGE:
                break
        self._number += len(news)
        now = time.monotonic()
        self._next_look = now + (now - began) / SHARE
        return news
