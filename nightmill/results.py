"""The results of a batch for programs, one after the other."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from jobs.model import Places
from jobs.settings import Settings
from jobs.store import batches, results
from jobs.store.store import Store
from nightmill.following import Finished
from nightmill.looking import look
from nightmill.result import Result, result_of
from nightmill.tending import Tending
from nightmill.watch import LOOK_EVERY_S

#: Rows that are in memory at a time.
PAGE = 200


class Results(Iterator[Result]):
    """Results that come one by one. `close`, or the end of the client's block, ends it early."""

    def __init__(self, batch: str, rows: Iterator[Result], stopped: threading.Event) -> None:
        #: The id of their batch.
        self.batch = batch
        self._rows = rows
        self._stopped = stopped

    def stop(self) -> None:
        """End it soon, also while another thread waits for the next one."""
        self._stopped.set()

    def close(self) -> None:
        """End it now, with everything that runs for it."""
        self.stop()
        # Another thread waits for the next result: it is told that there is none.
        with suppress(ValueError):
            close = getattr(self._rows, "close", None)
            if close is not None:
                close()

    def __next__(self) -> Result:
        return next(self._rows)

    def __iter__(self) -> Self:
        return self


def in_order(store: Store, batch_id: str) -> Results:
    """What has finished, in the order of the input."""
    return Results(batch_id, _in_order(store, batch_id), threading.Event())


def as_they_finish(settings: Settings, store: Store, batch_id: str) -> Results:
    """Every row once, as soon as it has finished, until the batch is over.

    From the first one asked for the batch is run: what is missing for that is started, and ended
    again when the last result was given.
    """
    stopped = threading.Event()
    return Results(batch_id, _as_they_finish(settings, store, batch_id, stopped), stopped)


def _in_order(store: Store, batch_id: str) -> Iterator[Result]:
    line = 0
    while True:
        with store.read() as c:
            places = Places(batches.get(c, batch_id).files)
            page = results.page(c, batch_id, line, PAGE)
        if not page:
            return
        yield from (result_of(found.placed(places)) for found in page if found.state.is_terminal)
        line = page[-1].line


def _as_they_finish(
    settings: Settings, store: Store, batch_id: str, stopped: threading.Event
) -> Iterator[Result]:
    finished = Finished(store, batch_id)
    if not look(store, batch_id).is_over:
        with Tending(settings, store, batch_id) as tending:
            while not tending.ends_within(LOOK_EVERY_S):
                if stopped.is_set():
                    return
                yield from _fetched(finished, finished.news())
    yield from _fetched(finished, finished.rest())


def _fetched(finished: Finished, lines: list[int]) -> Iterator[Result]:
    for start in range(0, len(lines), PAGE):
        yield from map(result_of, finished.fetch(lines[start : start + PAGE]))
