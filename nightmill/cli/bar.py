"""The progress bar, drawn by rich."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from nightmill.cli.progress import figures
from nightmill.status import Status


@contextmanager
def bar(stream: TextIO) -> Iterator["Bar"]:
    """A bar on this terminal while the block lasts."""
    columns = BarColumn(), TextColumn("{task.fields[figures]}", markup=False)
    with Progress(*columns, console=Console(file=stream), transient=True) as drawing:
        yield Bar(drawing, drawing.add_task("", total=None, figures="starting"))


class Bar:
    """How far a batch is, as a bar with its figures beside it."""

    def __init__(self, drawing: Progress, task: TaskID) -> None:
        self._drawing = drawing
        self._task = task

    def show(self, status: Status) -> None:
        """Move the bar."""
        self._drawing.update(
            self._task,
            total=status.total or None,
            completed=status.finished,
            figures=figures(status),
        )
