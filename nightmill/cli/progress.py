"""How far it is, on standard error: a bar on a terminal, elsewhere a line every few seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TextIO

from jobs.states import JobState
from nightmill.cli.rests import why_nothing_begins
from nightmill.cli.summary import speed, unsuccessful
from nightmill.cli.terminal import Terminal
from nightmill.status import Status

if TYPE_CHECKING:
    from nightmill.cli.bar import Bar

LINE_EVERY_S = 5.0


class Progress(Protocol):
    """Somewhere to show how far a batch is."""

    def show(self, status: Status) -> None:
        """Show it; called several times a second."""
        ...


@contextmanager
def progress(stream: TextIO | None = None, terminal: Terminal | None = None) -> Iterator[Progress]:
    """A bar if `stream` (by default standard error) is a terminal, else lines; gone at the end.

    When `terminal` is gone, lines take the place of the bar.
    """
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield PlainLines(stream)
        return
    from nightmill.cli.bar import bar

    with ExitStack() as drawing:
        drawn = drawing.enter_context(bar(stream))
        yield BarThenLines(drawn, drawing, PlainLines(stream), terminal or Terminal())


def figures(status: Status) -> str:
    """Done, done without an answer, speed and time left in one line."""
    parts = [f"{status.finished:,} of {status.total:,} done", *unsuccessful(status.counts)]
    waits = why_nothing_begins(status) if not status.counts[JobState.RUNNING] else ""
    return ", ".join([*parts, *speed(status), *([waits] if waits else [])])


class PlainLines:
    """A line now and then, for logs."""

    def __init__(self, stream: TextIO, every_s: float = LINE_EVERY_S) -> None:
        self._stream = stream
        self._every_s = every_s
        self._due = time.monotonic() + every_s

    def show(self, status: Status) -> None:
        """Write a line when the last one is old enough."""
        if time.monotonic() >= self._due:
            # Nobody may be there to read it any more.
            with suppress(OSError):
                print(figures(status), file=self._stream, flush=True)
            self._due = time.monotonic() + self._every_s


class BarThenLines:
    """A bar as long as there is a terminal to draw it on."""

    def __init__(
        self, bar: "Bar", drawing: ExitStack, lines: PlainLines, terminal: Terminal
    ) -> None:
        self._bar = bar
        self._drawing = drawing
        self._lines = lines
        self._terminal = terminal

    def show(self, status: Status) -> None:
        """Move the bar, or write a line."""
        if self._bar.is_lost:
            # Not every terminal that goes away says so by a signal.
            self._terminal.leave()
        if self._terminal.is_gone:
            self._drawing.close()
            self._lines.show(status)
        else:
            self._bar.show(status)
