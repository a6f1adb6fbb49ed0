"""Stopping what goes page by page, by Ctrl-C and the like."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nightmill.cli.output import say
from nightmill.cli.signals import InterruptedByUser, Signals


@contextmanager
def stoppable(left: str) -> Iterator[Callable[[int], None]]:
    """What is to be called after each page: it raises `InterruptedByUser` when a signal has come,
    and the user then reads what becomes of what is `left`.
    """
    try:
        with Signals() as signals:
            yield lambda _rows: signals.check()
    except InterruptedByUser:
        say(left)
        raise
