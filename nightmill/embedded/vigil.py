"""Looking now and then whether there is anything to stay awake for."""

import threading
from pathlib import Path

from sqlalchemy import Connection

from jobs import loops
from jobs.store import batches, hosts, rests
from jobs.store.store import Store
from nightmill.embedded.awake import Awake
from nightmill.embedded.lifeline import Lifeline

LOOK_EVERY_S = 2.0


class Vigil:
    """Holds this machine awake, until `end`, whenever any batch of the store is handed out to a
    pool that does not rest. Where it is for one worker alone, that has to be at work itself.
    """

    def __init__(self, store: Store, log_path: Path, worker: str | None = None) -> None:
        self._store = store
        self._worker = worker
        self._lifeline = Lifeline()
        self._awake = Awake(log_path, self._lifeline.fd)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vigil", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let the machine sleep; nothing runs afterwards."""
        self._stop.set()
        self._thread.join()
        self._awake.end()
        self._lifeline.cut()

    def _run(self) -> None:
        # What ends this loop is in the log, and no reason to stop the work.
        loops.run_steps(self._look, self._stop, lambda _error: None, name="Keeping awake")

    def _look(self) -> float:
        with self._store.read() as c:
            is_needed = has_work(c, self._worker)
        self._awake.hold(is_needed)
        return LOOK_EVERY_S


def has_work(c: Connection, worker: str | None) -> bool:
    """Whether anything is to be done that this machine, or this one worker, does not rest for."""
    host = None if worker is None else hosts.find(c, worker)
    if host is not None and host.rest is not None:
        return False
    resting = rests.of_pools(c)
    waits_for = (batches.pools_of_unfinished(c, batch.id) for batch in batches.handed_out(c))
    return any(not pools or not resting.keys() >= set(pools) for pools in waits_for)
