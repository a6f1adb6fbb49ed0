"""The user in front of a batch that runs: told how it goes, and heard when it shall stop."""

import time

from jobs.errors import BrokerError, StoreError
from nightmill.cli.output import say
from nightmill.cli.progress import Progress
from nightmill.cli.signals import Signals
from nightmill.embedded.stack import Stack
from nightmill.status import Status

#: Other commands hold the lock of the services for a moment.
PASSING_S = 2.0


class Onlooker:
    """Sees the status several times a second."""

    def __init__(self, stack: Stack, signals: Signals, progress: Progress) -> None:
        self._stack = stack
        self._signals = signals
        self._progress = progress
        self._began = time.monotonic()
        self._knows_of_others = False
        self._trouble = ""

    def see(self, status: Status) -> None:
        """Show the status; raises `InterruptedByUser` when a signal has come."""
        if self._signals.have_come:
            say("Stopping: what runs is handed back. Ctrl-C again does not wait for that.")
        self._signals.check()
        if self._is_served_by_others() and not self._knows_of_others:
            self._knows_of_others = True
            say(f"{self._stack.leader.capitalize()} runs the services here; this run shares them.")
        self._tell_of_trouble(status)
        self._progress.show(status)

    def hear_of_trouble(self, error: StoreError | BrokerError) -> None:
        """Told when store or broker begin to fail; what runs is not lost by that."""
        say(f"Trying for up to a minute to get over this: {error}")

    def _tell_of_trouble(self, status: Status) -> None:
        text = "" if status.trouble is None else status.trouble.text
        if text and text != self._trouble:
            say(f"Pool {status.pool} serves nobody now and is tried again: {text}")
        elif self._trouble and not text:
            say(f"Pool {status.pool} is well again.")
        self._trouble = text

    def _is_served_by_others(self) -> bool:
        return not self._stack.is_leader and time.monotonic() - self._began > PASSING_S
