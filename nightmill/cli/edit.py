"""`nightmill edit`."""

import math
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from nightmill.cli import completion, options, words
from nightmill.cli.output import print_json, say
from nightmill.cli.rests import clock
from nightmill.cli.stopping import stoppable

if TYPE_CHECKING:
    from nightmill.editing import Edit, Edited

Another = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Let another model do what waits; see `nightmill models`.",
        autocompletion=completion.models,
    ),
]
Pool = Annotated[str | None, typer.Option(metavar="NAME", help="Let another pool do what waits.")]
MaxRunning = Annotated[
    int | None,
    typer.Option(
        "--max-running", metavar="N", min=0, help="Rows run at once at most; 0 is no limit."
    ),
]

Deadline = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="What is not done in 8h, or at 07:00, expires; none: never."),
]


def edit(
    batch: options.BatchId,
    *,
    model: Another = None,
    pool: Pool = None,
    priority: options.Priority = None,
    deadline: Deadline = None,
    max_running: MaxRunning = None,
    max_failures: options.MaxFailures = None,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Change what has not started of a batch; what is being run ends as it is.

    So a batch moves from one host to another, or lets others go first. Answers by another model
    are kept when the command that began the batch is given again.

    Example: nightmill edit b-0193 --pool ollama --model qwen3:8b
    """
    from jobs.store.editing import Changes
    from nightmill.deadline import new_deadline_at
    from nightmill.editing import Edit, edit_batch
    from nightmill.setup import open_store, read_settings

    wanted = Edit(
        model=model,
        pool=pool,
        changes=Changes(priority=priority, max_failures=max_failures, max_running=max_running),
        deadline=None if deadline is None else new_deadline_at(deadline),
    )
    settings = read_settings(config)
    left = "Stopped half-way: the same command changes the rows that are left."
    with closing(open_store(settings)) as store, stoppable(left) as check:
        done = edit_batch(settings, store, batch, wanted, check)
    if json:
        print_json(**msgspec.structs.asdict(done))
    else:
        say(line(done, wanted))


def line(done: "Edited", wanted: "Edit") -> str:
    """What was changed, and what runs on as it was."""
    said = ", ".join(_changes(wanted))
    if done.model is None:
        return f"{done.id} is changed: {said}."
    moved = f"{words.count(done.moved, 'row')} will be done by {done.model} ({done.pool})"
    running = f"{words.count(done.running, 'row')} being run end as they are"
    return f"{done.id}: {'; '.join(filter(None, (moved, said, running)))}."


def _changes(wanted: "Edit") -> Iterator[str]:
    changes = wanted.changes
    if changes.priority is not None:
        yield f"priority {changes.priority}"
    if changes.max_running is not None:
        yield f"at most {changes.max_running:,} rows at once" if changes.max_running else "no limit"
    if changes.max_failures is not None:
        yield f"paused when more than {changes.max_failures:.0%} of its last rows fail"
    if wanted.deadline is not None:
        at = math.isfinite(wanted.deadline)
        yield f"deadline {clock(wanted.deadline)}" if at else "no deadline"
