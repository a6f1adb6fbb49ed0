"""`nightmill edit`."""

import math
import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from nightmill.cli import completion, options, words
from nightmill.cli.changes import in_words
from nightmill.cli.outlook import too_late
from nightmill.cli.output import print_json, say
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
    from nightmill.looking import look
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
        warnings = [*too_late(look(store, done.id), settings, time.time())]
    if json:
        print_json(**msgspec.structs.asdict(done), warnings=warnings)
    else:
        say(line(done, wanted), *warnings)


def line(done: "Edited", wanted: "Edit") -> str:
    """What was changed, and what runs on as it was."""
    said = ", ".join(in_words(_told(wanted)))
    if done.model is None:
        return f"{done.id} is changed: {said}."
    moved = f"{words.count(done.moved, 'row')} will be done by {done.model} ({done.pool})"
    running = f"{words.count(done.running, 'row')} being run end as they are"
    return f"{done.id}: {'; '.join(filter(None, (moved, said, running)))}."


def _told(wanted: "Edit") -> dict[str, Any]:
    if wanted.deadline is None:
        return wanted.changes.told
    never = math.isinf(wanted.deadline)
    return wanted.changes.told | {"deadline": None if never else wanted.deadline}
