"""Looking now and then whether there is anything to stay awake for."""

import threading
from pathlib import Path

from jobs import loops
from jobs.store import batches
from jobs.store.store import Store
from nightmill.embedded.awake import Awake
from nightmill.embedded.lifeline import Lifeline

LOOK_EVERY_S = 2.0


class Vigil:
    """Holds this machine awake, until `end`, whenever any batch of the store is handed out."""

    def __init__(self, store: Store, log_path: Path) -> None:
        self._store = store
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
            has_work = bool(batches.handed_out(c))
        self._awake.hold(has_work)
        return LOOK_EVERY_S
