"""Bringing an input into the store: the way of `run`, `submit` and `Client.submit` alike."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from backends.choice import Choice
from jobs.context import refuse_beyond
from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.store import actions
from jobs.store.store import Store
from nightmill.announced import reachable_models
from nightmill.choosing import choose, chosen, resolver
from nightmill.embedded.datadir import DataDir
from nightmill.machine import who
from nightmill.pools import PoolModels
from nightmill.request import Request
from nightmill.spool import spooled
from producer.inputs import STDIN, Input, as_inputs, find_files
from producer.output_file import check_output, check_place
from producer.plan import SubmitPlan
from producer.submit import OnProgress, Submitted, submit


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """An input that is in the store, and the model that was chosen for it."""

    #: What messages call the input.
    source: str
    submitted: Submitted
    choice: Choice
    #: Where the server of a pool is that nobody configured; empty for any other.
    found_at: str = ""


def take_in(
    settings: Settings, store: Store, request: Request, on_progress: OnProgress
) -> Accepted:
    """Choose a model and bring the input into the store, or find that it is there already.

    Raises `UsageError` where the request cannot be carried out, `InputError` where nothing of the
    input can run and `NoModelError` where there is no model for it; nothing is stored then.
    """
    # Before all that takes long: a whole night, or the reading of standard input.
    check_place(request.output, request.kind)
    found = reachable_models(settings, store)
    choice = choice_for(settings, found, request)
    data_dir = DataDir(settings.data_dir)
    with opened_inputs(request, data_dir.path, lambda: on_progress(0, 0)) as inputs:
        plan = plan_of(settings, request, inputs, found, choice)
        check_output(store, plan, is_forced=request.is_forced)
        submitted = submit(store, plan, data_dir.locks, on_progress)
    batch = submitted.batch
    with store.write() as c:
        actions.note(c, who(settings), "submit", batch_id=batch.id, reading=batch.revision)
    return Accepted(
        source=plan.source,
        submitted=submitted,
        choice=choice,
        found_at=settings.found.get(choice.pool, ""),
    )


def choice_for(settings: Settings, found: Sequence[PoolModels], request: Request) -> Choice:
    """The model of the rows that name none. Raises `NoModelError` where there is none, and
    `UsageError` where no row could have what is asked for all of them.
    """
    asked = request.overrides
    choice = choose(settings, found, asked.model, asked.endpoint or "chat")
    if asked.model is not None:
        refuse_beyond(asked.max_tokens, choice.model.name, choice.model.room)
    return choice


@contextmanager
def opened_inputs(
    request: Request, spool: Path, check: Callable[[], None]
) -> Iterator[tuple[Input, ...]]:
    """The files that a request means; what comes by standard input lies in `spool` meanwhile.

    `check` is called now and then while standard input is read, and may raise to end it.
    """
    paths = find_files(request.sources, request.output)
    inputs = as_inputs(paths, request.input_format, request.encoding)
    if STDIN not in paths:
        yield inputs
        return
    if sys.stdin is None:
        raise UsageError("- means standard input, which is closed. Name a file instead.")
    with spooled(sys.stdin.buffer, spool, check) as copy:
        yield tuple(
            replace(given, path=copy, is_stdin=True) if given.path == STDIN else given
            for given in inputs
        )


def plan_of(
    settings: Settings,
    request: Request,
    inputs: tuple[Input, ...],
    found: Sequence[PoolModels],
    choice: Choice,
) -> SubmitPlan:
    """A request as it is to be carried out with a model."""
    return SubmitPlan(
        inputs=inputs,
        part=request.part,
        output=request.output,
        overrides=request.overrides,
        choice=chosen(choice),
        resolve_model=resolver(settings, found),
        into=request.into,
        kind=request.kind,
        name=request.name,
        title=request.title,
        is_fresh=request.is_fresh,
        priority=request.priority,
        max_running=request.max_running,
        deadline_in_s=None if request.deadline is None else request.deadline - time.time(),
        max_failures=request.max_failures,
        notify=request.notify,
        who=who(settings),
    )
