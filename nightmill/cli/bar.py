"""The progress bar, drawn by rich."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from nightmill.cli.progress import figures
from nightmill.status import Status


@contextmanager
def bar(stream: TextIO) -> Iterator["Bar"]:
    """A bar on this terminal while the block lasts."""
    columns = BarColumn(), TextColumn("{task.fields[figures]}", markup=False)
    screen = _Screen(stream)
    # rich asks for no more than writing, flushing and whether it is a terminal.
    console = Console(file=screen)  # type: ignore[arg-type]
    try:
        with Progress(*columns, console=console, transient=True) as drawing:
            yield Bar(drawing, drawing.add_task("", total=None, figures="starting"), screen)
    finally:
        screen.close()


class Bar:
    """How far a batch is, as a bar with its figures beside it."""

    def __init__(self, drawing: Progress, task: TaskID, screen: "_Screen") -> None:
        self._drawing = drawing
        self._task = task
        self._screen = screen

    @property
    def is_lost(self) -> bool:
        """Whether the terminal takes nothing any more."""
        return self._screen.is_lost

    def show(self, status: Status) -> None:
        """Move the bar."""
        self._drawing.update(
            self._task,
            total=status.total or None,
            completed=status.finished,
            figures=figures(status),
        )


class _Screen:
    """A terminal that may go away while rich's own thread draws on it."""

    def __init__(self, stream: TextIO) -> None:
        # A descriptor of its own: the stream may be turned to a log, where no bar belongs.
        self._stream = os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding)
        self.encoding = stream.encoding
        self.is_lost = False

    def write(self, text: str) -> int:
        if not self.is_lost:
            with self._noticing():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        if not self.is_lost:
            with self._noticing():
                self._stream.flush()

    def isatty(self) -> bool:
        return True

    def close(self) -> None:
        with suppress(OSError):
            self._stream.close()

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self.is_lost = True
