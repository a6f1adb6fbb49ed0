"""How far a long copy is: a line on standard error every few seconds."""

import time

from nightmill.cli.output import say
from nightmill.cli.progress import LINE_EVERY_S
from nightmill.cli.signals import Signals


class Share:
    """Told of each step; raises `InterruptedByUser` when a signal has come."""

    def __init__(self, doing: str, signals: Signals) -> None:
        self._doing = doing
        self._signals = signals
        self._due = time.monotonic() + LINE_EVERY_S

    def __call__(self, done: int, total: int) -> None:
        if self._signals.have_come:
            say("Stopped: nothing was put in place. The same command begins anew.")
        self._signals.check()
        if time.monotonic() >= self._due:
            say(f"{self._doing}: {done / max(1, total):.0%}")
            self._due = time.monotonic() + LINE_EVERY_S
