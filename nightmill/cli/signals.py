"""Ctrl-C and SIGTERM: the first one is noticed at the next safe moment, the second ends at once."""

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

#: What tells every command to stop; some outlive the terminal that they were started from.
STOPS = (signal.SIGINT, signal.SIGTERM)


class InterruptedByUser(Exception):  # noqa: N818  (nothing went wrong)
    """Somebody wants us to stop, by the signal `number`; `exit_status` is what comes of it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        # A closed terminal, where it ends a command, does so as SIGTERM does.
        self.exit_status = 130 if number == signal.SIGINT else 143


class Signals:
    """While this is open, signals are kept until `check` is called; without names, a hang-up too.

    A second signal does not wait: children end with their lifeline, the store needs no good-bye.
    """

    def __init__(self, *heard: signal.Signals) -> None:
        self._heard = heard or (*STOPS, signal.SIGHUP)
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def have_come(self) -> bool:
        """Whether `check` would raise."""
        return self._received is not None

    def check(self) -> None:
        """Raise `InterruptedByUser` if a signal has come."""
        if self._received is not None:
            raise InterruptedByUser(self._received)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._received is not None:
            os._exit(InterruptedByUser(number).exit_status)
        self._received = number

    def __enter__(self) -> Self:
        # Under nohup a closed terminal is none of our business.
        heard = [number for number in self._heard if not _is_ignored_hangup(number)]
        self._before = {number: signal.signal(number, self._receive) for number in heard}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _is_ignored_hangup(number: int) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
