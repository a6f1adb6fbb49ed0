"""`nightmill cancel`."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from nightmill.cli import completion, words
from nightmill.cli.options import Config, Json
from nightmill.cli.output import print_json, say
from nightmill.cli.stopping import stoppable

if TYPE_CHECKING:
    from nightmill.cancelling import Cancelled

Word = Annotated[
    str,
    typer.Argument(
        metavar="BATCH|JOB",
        help="Id of the batch, the beginning of it, or its name; or a job's id.",
        autocompletion=completion.batches,
    ),
]
Row = Annotated[
    str | None,
    typer.Option("--row", metavar="ID", help="Only the row with this custom_id, or row-LINE."),
]


def cancel(word: Word, *, row: Row = None, json: Json = False, config: Config = None) -> None:
    """End a batch, or one row of it: what is not finished does not run; answers stay.

    What is being generated is broken off within two seconds.

    Example: nightmill cancel b-0193
    """
    from nightmill.cancelling import cancel_batch, cancel_job, is_job
    from nightmill.setup import open_store, read_settings

    settings = read_settings(config)
    with closing(open_store(settings)) as store:
        if row is not None or is_job(word):
            done = cancel_job(settings, store, word, row)
        else:
            left = "The batch is cancelled; what still waits of it is ended in the background."
            with stoppable(left) as check:
                done = cancel_batch(settings, store, word, check)
    if json:
        print_json(**msgspec.structs.asdict(done))
    else:
        say(line(done))


def line(done: "Cancelled") -> str:
    """What was ended, and how it runs after all."""
    if done.job is not None:
        said = "is cancelled" if done.cancelled else "was over already"
        return f"Job {done.job} of {done.id} {said}."
    if not done.cancelled:
        return f"{done.id}: nothing was left to cancel."
    rows = words.count(done.cancelled, "row")
    return (
        f"{done.id}: {rows} cancelled. The command that began the batch runs them after all, and"
        f" so does: nightmill retry {done.id} --only cancelled"
    )
