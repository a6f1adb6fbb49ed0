"""The user in front of a batch that runs: told how it goes, and heard when it shall stop."""

import time
from collections.abc import Callable, Iterable

from jobs.errors import BrokerError, StoreError
from jobs.states import JobState
from nightmill.cli.output import say
from nightmill.cli.progress import Progress
from nightmill.cli.rests import why_nothing_begins
from nightmill.cli.signals import Signals
from nightmill.embedded.stack import Stack
from nightmill.status import Status

#: Other commands hold the lock of the services for a moment.
PASSING_S = 2.0
#: Workers take a while to start.
UNSERVED_S = 20.0
#: A worker that has not begun by then waits for something, such as an older batch.
STARTING_S = 15.0


class Onlooker:
    """Sees the status several times a second."""

    def __init__(
        self,
        stack: Stack,
        signals: Signals,
        progress: Progress,
        *,
        on_served: Callable[[], None] = lambda: None,
        has_said: Iterable[str] = (),
        warn_of: Callable[[Status], str | None] = lambda _status: None,
    ) -> None:
        self._stack = stack
        self._signals = signals
        self._progress = progress
        self._began = time.monotonic()
        self._knows_of_others = False
        self._on_served = on_served
        self._is_served = False
        self._trouble = ""
        self._warn_of = warn_of
        self._has_warned = False
        self._unserved: set[str] = set()
        self._why_it_waits = ""
        self._has_said = set(has_said)

    def see(self, status: Status) -> None:
        """Show the status; raises `InterruptedByUser` when a signal has come."""
        if self._signals.have_come:
            say("Stopping: what runs is handed back. Ctrl-C again does not wait for that.")
        self._signals.check()
        if self._is_served_by_others() and not self._knows_of_others:
            self._knows_of_others = True
            say(f"{self._stack.leader.capitalize()} runs the services here; this run shares them.")
        self._note_service(status)
        self._tell_of_trouble(status)
        self._tell_of_rest(status)
        self._warn(status)
        self._progress.show(status)

    def hear_of_trouble(self, error: StoreError | BrokerError) -> None:
        """Told when store or broker begin to fail; what runs is not lost by that."""
        say(f"Trying for up to a minute to get over this: {error}")

    def _note_service(self, status: Status) -> None:
        if self._is_served:
            return
        has_begun = _is_handed_out(status) or time.monotonic() - self._began > STARTING_S
        if self._knows_of_others or status.is_over or (self._stack.is_leader and has_begun):
            self._is_served = True
            self._on_served()

    def _tell_of_trouble(self, status: Status) -> None:
        trouble = status.trouble
        if trouble is not None and trouble.text != self._trouble:
            say(f"Pool {trouble.pool} serves nobody now and is tried again: {trouble.text}")
        elif self._trouble and trouble is None:
            say(f"Pool {status.pool} is well again.")
        self._trouble = "" if trouble is None else trouble.text
        is_late = time.monotonic() - self._began > UNSERVED_S
        for pool in status.unserved if is_late else ():
            if pool not in self._unserved:
                self._unserved.add(pool)
                say(f"No worker serves pool {pool} yet: see `nightmill check`.")

    def _tell_of_rest(self, status: Status) -> None:
        why = why_nothing_begins(status)
        if why and why != self._why_it_waits and why not in self._has_said:
            say(it_waits(why))
        elif self._why_it_waits and not why and not status.is_over:
            say("It goes on.")
        self._why_it_waits = why

    def _warn(self, status: Status) -> None:
        said = self._warn_of(status)
        if said is not None and not self._has_warned:
            say(said)
        self._has_warned = said is not None

    def _is_served_by_others(self) -> bool:
        return not self._stack.is_leader and time.monotonic() - self._began > PASSING_S


def it_waits(why: str) -> str:
    """What is said once of a batch that waits for a pause or a rest to end."""
    return f"Waiting, as {why}."


def _is_handed_out(status: Status) -> bool:
    """Whether a worker has been found for it: what cannot start at all has ended before that."""
    return status.counts[JobState.DISPATCHED] + status.counts[JobState.RUNNING] > 0
