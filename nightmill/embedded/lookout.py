"""Looking now and then for model servers that came up after the services did."""

import threading
from collections.abc import Mapping

from jobs import loops
from jobs.settings import Settings
from nightmill.discovery import find_servers

LOOK_EVERY_S = 30.0


class Lookout:
    """Looks for the servers of this machine, until `end`, as it was done before the start."""

    def __init__(self, settings: Settings) -> None:
        #: Where the servers of the last look are, by the pools that they make.
        self.found: Mapping[str, str] = {}
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ask nobody any more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        if self._stop.wait(LOOK_EVERY_S):
            return
        # What ends this loop is in the log, and no reason to stop the work.
        loops.run_steps(self._look, self._stop, lambda _error: None, name="Looking for servers")

    def _look(self) -> float:
        self.found = find_servers(self._settings)
        return LOOK_EVERY_S
