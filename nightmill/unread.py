"""A batch whose input is being read by nobody: whoever read it was stopped on the way."""

import time
from collections.abc import Callable
from pathlib import Path

from jobs.errors import StoppedEarlyError
from jobs.states import BatchState
from jobs.store import batches
from jobs.store.store import Store
from nightmill.status import Status
from producer.submit import is_being_read

#: Seconds without a new row after which a reader on another machine is taken for gone.
PATIENCE_S = 300.0


class Unread:
    """Looks whether a batch is still being read. `clock` counts seconds."""

    def __init__(
        self, store: Store, locks: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._locks = locks
        self._clock = clock
        self._rows = -1
        self._since = clock()

    def check(self, status: Status) -> None:
        """Raise `StoppedEarlyError` where a batch waits for rows that nobody reads."""
        if status.state is not BatchState.INGESTING or status.total != self._rows:
            self._rows, self._since = status.total, self._clock()
        if status.state is BatchState.INGESTING and self._is_left(status.id):
            raise StoppedEarlyError(
                f"The input of {status.id} was not read to its end. Give the command that began"
                " it again: it goes on from there."
            )

    def _is_left(self, batch_id: str) -> bool:
        if not self._store.is_file:
            # Its reader may be on another machine, where its lock is.
            return self._clock() - self._since >= PATIENCE_S
        with self._store.read() as c:
            batch = batches.get(c, batch_id)
        if is_being_read(self._locks, batch.run_key):
            return False
        # It may have come to its end just now.
        with self._store.read() as c:
            return batches.get(c, batch_id).state is BatchState.INGESTING
