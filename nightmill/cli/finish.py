"""Running a batch to its end before the user's eyes: what `run` and `wait` have in common."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import typer

from jobs.errors import StoppedEarlyError, StoreError
from jobs.settings import Settings
from jobs.store.store import Store
from nightmill.cli.output import print_json, say
from nightmill.cli.progress import progress
from nightmill.cli.signals import InterruptedByUser, Signals
from nightmill.cli.status import fields
from nightmill.cli.summary import counts, summary
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.stack import Stack
from nightmill.logs import log_to_file
from nightmill.looking import look, report_of
from nightmill.status import Status
from nightmill.watch import wait_for

SOME_ROWS_FAILED = 1


@dataclass(frozen=True, kw_only=True)
class Course:
    """A batch that is to be run to its end by a command."""

    settings: Settings
    store: Store
    batch_id: str
    signals: Signals
    #: The command that goes on, should this one be stopped.
    again: str
    #: `time.monotonic()` of the command's beginning.
    began: float
    json: bool


def finish(course: Course, deliver: Callable[[], object] = lambda: None) -> None:
    """Wait until the batch is over, `deliver` its results and sum up; exits with 1 if rows failed.

    When it is stopped, it says how to go on and raises what stopped it.
    """
    try:
        status = _run_to_the_end(course)
        deliver()
    except (InterruptedByUser, StoppedEarlyError):
        say(*_how_to_go_on(course))
        raise
    _sum_up(course, status)
    if status.unsuccessful:
        raise typer.Exit(SOME_ROWS_FAILED)


def _run_to_the_end(course: Course) -> Status:
    status = look(course.store, course.batch_id)
    if status.is_over:
        say("All rows are done already.")
        return status
    log_to_file(DataDir(course.settings.data_dir).log_of("dispatcher"))
    with Stack(course.settings, course.store) as stack, progress() as shown:

        def on_tick(status: Status) -> None:
            if course.signals.have_come:
                say(
                    "Stopping: what is in flight is handed back. Ctrl-C again does not wait for it."
                )
            course.signals.check()
            shown.show(status)

        return wait_for(course.store, course.batch_id, stack, on_tick)


def _sum_up(course: Course, status: Status) -> None:
    report = report_of(course.store, course.batch_id)
    elapsed_s = time.monotonic() - course.began
    if course.json:
        print_json(**fields(status, report), elapsed_s=elapsed_s)
    else:
        say(*summary(status, report, elapsed_s))


def _how_to_go_on(course: Course) -> list[str]:
    so_far = ""
    # It may be the store that stopped us.
    with suppress(StoreError):
        so_far = f": {counts(look(course.store, course.batch_id))}"
    return [
        f"Stopped{so_far}. Nothing is lost.",
        f"  to go on:           {course.again}",
        f"  what there is now:  nightmill results {course.batch_id}",
    ]
