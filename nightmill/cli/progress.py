"""How far it is, on standard error: a bar on a terminal, elsewhere a line every few seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from nightmill.cli.summary import speed
from nightmill.status import Status

LINE_EVERY_S = 5.0


class Progress(Protocol):
    """Somewhere to show how far a batch is."""

    def show(self, status: Status) -> None:
        """Show it; called several times a second."""
        ...


@contextmanager
def progress(stream: TextIO | None = None) -> Iterator[Progress]:
    """A bar if `stream` (by default standard error) is a terminal, else lines; gone at the end."""
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield PlainLines(stream)
        return
    from nightmill.cli.bar import bar

    with bar(stream) as drawn:
        yield drawn


def figures(status: Status) -> str:
    """Done, failed, speed and time left in one line."""
    parts = [f"{status.finished:,} of {status.total:,} done"]
    if status.unsuccessful:
        parts.append(f"{status.unsuccessful:,} failed")
    return ", ".join(parts + speed(status))


class PlainLines:
    """A line now and then, for logs."""

    def __init__(self, stream: TextIO, every_s: float = LINE_EVERY_S) -> None:
        self._stream = stream
        self._every_s = every_s
        self._due = time.monotonic() + every_s

    def show(self, status: Status) -> None:
        """Write a line when the last one is old enough."""
        if time.monotonic() >= self._due:
            print(figures(status), file=self._stream, flush=True)
            self._due = time.monotonic() + self._every_s
