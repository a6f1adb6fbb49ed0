"""`nightmill delete`."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from jobs.errors import UsageError
from nightmill.cli import options, words
from nightmill.cli.output import print_json, say
from nightmill.cli.stopping import stoppable

if TYPE_CHECKING:
    from jobs.store.store import Store
    from nightmill.deletion import Cleaned, NotCleaned

WHY: "dict[NotCleaned, str]" = {
    "unfinished_batches": "once no other batch is unfinished",
    "no_room": "once the disk has more room",
}


def delete(
    batch: options.BatchId,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also while rows of it are being run.")
    ] = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Remove a batch with its prompts and answers from the store, for good.

    Files of results that you have stay. When no batch is unfinished, the store's file is written
    anew without it, so that nothing of it is left there; otherwise by the next deletion.

    Example: nightmill delete b-0193 --yes
    """
    from nightmill.deletion import delete_batch
    from nightmill.embedded.datadir import DataDir
    from nightmill.setup import open_store, read_settings

    settings = read_settings(config)
    data_dir = DataDir(settings.data_dir)
    with closing(open_store(settings)) as store:
        if not yes:
            _ask(store, batch)
        left = "Stopped half-way: nobody sees the batch; the same command deletes the rest of it."
        with stoppable(left) as check:
            gone = delete_batch(store, data_dir, batch, check, is_forced=force)
    say_of_traces(gone, f"nightmill delete {gone.id}")
    if json:
        print_json(**msgspec.structs.asdict(gone))
    else:
        say(f"{gone.id}: {words.count(gone.rows, 'row')} deleted.")


def say_of_traces(cleaned: "Cleaned", again: str) -> None:
    """Say where something of what was deleted may still be; `again` is what removes it later."""
    for copy in cleaned.copies:
        say(f"It may still be in the store that was kept as {copy}. Delete that too.")
    if cleaned.not_cleaned is not None:
        say(
            f"Its rows are gone, but traces may stay in the store's file:"
            f" {WHY[cleaned.not_cleaned]}, `{again}` removes them."
        )
    elif not cleaned.is_log_empty:
        say("Something reads the store all the time: traces may stay in its log until it ends.")


def _ask(store: "Store", word: str) -> None:
    """Raises `UsageError` where the answer is no, or nobody is there to give one."""
    from jobs.store import batches, deleting

    if not sys.stdin.isatty():
        raise UsageError("Nothing was deleted: say --yes, as nobody is there to be asked.")
    with store.read() as c:
        batch_id = deleting.find(c, word)
        rows = words.count(batches.counts(c, batch_id).total, "row")
    if not typer.confirm(f"Delete {batch_id} for good, with its {rows}?", err=True):
        raise UsageError("Nothing was deleted.")
