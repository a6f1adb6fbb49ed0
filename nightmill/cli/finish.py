"""Running a batch to its end before the user's eyes: what `run` and `wait` have in common."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import msgspec
import typer

from jobs.errors import PausedError, StoppedEarlyError, StoreError
from jobs.settings import Settings
from jobs.states import BatchState
from jobs.store.store import Store
from nightmill.cli.onlooker import Onlooker, it_waits
from nightmill.cli.outlook import too_late
from nightmill.cli.output import print_json, say
from nightmill.cli.progress import progress
from nightmill.cli.rests import before_it_starts
from nightmill.cli.signals import InterruptedByUser, Signals
from nightmill.cli.status import fields
from nightmill.cli.summary import counts, failures, spent, summary
from nightmill.cli.terminal import Terminal
from nightmill.disk_use import warning_of_shortage
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.stack import Stack
from nightmill.logs import logged_to
from nightmill.looking import look, others_than, report_of
from nightmill.machine import machine_name
from nightmill.status import Status
from nightmill.watch import wait_for
from nightmill.whereabouts import elsewhere

SOME_ROWS_FAILED = 1


@dataclass(frozen=True, kw_only=True)
class Course:
    """A batch that is to be run to its end by a command."""

    settings: Settings
    store: Store
    batch_id: str
    signals: Signals
    terminal: Terminal
    #: The command that goes on, should this one be stopped.
    again: str
    #: What goes on when the batch was paused.
    resume: str
    #: `time.monotonic()` of the command's beginning.
    began: float
    json: bool
    #: Called once, as soon as the batch is being served, here or elsewhere, or is over.
    on_served: Callable[[], None] = lambda: None


def finish(course: Course, deliver: Callable[[], object]) -> None:
    """Wait until the batch is over, `deliver` its results and sum up; exits with 1 if rows failed.

    When it is stopped, it says how to go on and raises what stopped it.
    """
    before = look(course.store, course.batch_id)
    try:
        status = _run_to_the_end(course, before)
        deliver()
    except PausedError:
        say(*_what_was_wrong(course))
        raise
    except (InterruptedByUser, StoppedEarlyError):
        say(*_how_to_go_on(course))
        raise
    _sum_up(course, before, status)
    if status.unsuccessful:
        raise typer.Exit(SOME_ROWS_FAILED)


def _run_to_the_end(course: Course, before: Status) -> Status:
    if before.is_over:
        is_done = before.state is BatchState.COMPLETED
        say("All rows are done already." if is_done else f"The batch was {before.state} before.")
        course.on_served()
        return before
    now = time.time()
    resting = before_it_starts(before, course.settings, now)
    say(*_other_batches(course, before), *map(it_waits, resting))
    say(*too_late(before, course.settings, now))
    data_dir = DataDir(course.settings.data_dir)
    with (
        logged_to(data_dir.log_of("dispatcher")),
        Stack(course.settings, course.store) as stack,
        progress(terminal=course.terminal) as shown,
    ):
        warn_of = partial(warning_of_shortage, course.settings, course.store)
        user = Onlooker(
            stack,
            course.signals,
            shown,
            on_served=course.on_served,
            has_said=resting,
            warn_of=warn_of,
        )
        return wait_for(course.store, course.batch_id, stack, user.see, user.hear_of_trouble)


def _other_batches(course: Course, before: Status) -> list[str]:
    """What was begun and not ended runs too: nobody should wonder what takes so long."""
    return [
        f"{other.id} ({other.name}, {other.unfinished:,} rows to go)"
        f" {'goes first' if other.priority > before.priority else 'takes turns with it'};"
        f" nightmill cancel {other.id} ends it"
        for other in others_than(course.store, course.batch_id)
    ]


def _sum_up(course: Course, before: Status, status: Status) -> None:
    report = report_of(course.store, course.batch_id)
    now = spent(before, status, time.monotonic() - course.began)
    if course.json:
        print_json(**fields(status, report), **msgspec.structs.asdict(now))
    else:
        others = elsewhere(course.settings, report, machine_name(course.settings))
        say(*summary(status, report, now, others))


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


def _what_was_wrong(course: Course) -> list[str]:
    """Of a batch that was paused: what most rows failed of, and what can be done now."""
    with suppress(StoreError):
        status = look(course.store, course.batch_id)
        report = report_of(course.store, course.batch_id)
        return [
            f"Paused: {counts(status)}. Nothing is lost.",
            *failures(report, course.batch_id),
            f"  go on with the rest:  {course.resume}",
            f"  run what failed too:  nightmill retry {course.batch_id}",
            f"  what there is now:    nightmill results {course.batch_id}",
        ]
    return []
