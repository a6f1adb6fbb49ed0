"""The worker of one pool: a child process that is started again when it dies."""

import uuid
from collections.abc import Callable
from typing import NamedTuple

from jobs.errors import StoppedEarlyError
from nightmill.embedded.child import Child
from nightmill.embedded.restarts import Restarts

#: What a worker says by its exit status: as it is configured, it cannot run at all.
CANNOT_RUN = 2


class Death(NamedTuple):
    """The end of a worker's process."""

    session: str
    #: Whether a signal ended it: then one of its jobs may be why.
    is_violent: bool


class PoolWorker:
    """One pool's worker. Each process is a session of its own, so that a dead one can be told.

    `start` begins one under a session's id; `is_served` says whether somebody else's worker has
    the pool, which is then left alone.
    """

    def __init__(
        self, pool: str, start: Callable[[str], Child], is_served: Callable[[], bool]
    ) -> None:
        self.pool = pool
        self._start = start
        self._is_served = is_served
        self._session = ""
        self._child: Child | None = None
        self._restarts = Restarts()
        self._due = 0.0

    def tend(self, now: float) -> Death | None:
        """Start it when its time has come; return its death, if it was found dead.

        `now` is `time.monotonic()`. Raises `StoppedEarlyError` when it dies each time.
        """
        if self._child is None:
            if now >= self._due and not self._is_served():
                self._session = str(uuid.uuid4())
                self._child = self._start(self._session)
            return None
        status = self._child.exit_status
        if status is None:
            return None
        self._learn_from_death(self._child, status, now)
        self.end()
        return Death(self._session, is_violent=status < 0)

    def ask_to_end(self) -> None:
        """Ask it to stop claiming and hand back; asking twice means at once."""
        if self._child is not None:
            self._child.ask_to_end()

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end; say whether it came."""
        return self._child is None or self._child.ends_within(seconds)

    def end(self) -> str | None:
        """End it; nothing of it is left. Returns its session, which may have left jobs behind."""
        if self._child is None:
            return None
        self._child.kill()
        self._child = None
        return self._session

    def _learn_from_death(self, child: Child, status: int, now: float) -> None:
        self._restarts = self._restarts.after(now - child.started)
        self._due = now + self._restarts.delay_s
        if self._restarts.are_pointless or status == CANNOT_RUN:
            raise StoppedEarlyError(
                f"The worker of pool {self.pool} does not stay alive (exit status {status})."
                f" Its log {child.log} ends with:\n{child.last_words()}\nNothing is lost: mend"
                " that, then give the same command again."
            )
