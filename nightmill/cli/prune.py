"""`nightmill prune`."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from jobs.errors import UsageError
from nightmill.cli import options, words
from nightmill.cli.delete import say_of_traces
from nightmill.cli.output import print_json, say
from nightmill.cli.stopping import stoppable

if TYPE_CHECKING:
    from jobs.store.retention import Old


def prune(
    *,
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="Time since a batch ended: 30d, 12h; else `store.prune_after`."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be deleted.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Delete the batches that ended long ago, with their prompts and answers, for good.

    Never one that is unfinished, and no file of results. With `store.prune_after` in the
    configuration this happens by itself while somebody dispatches.

    Example: nightmill prune --older-than 30d --dry-run
    """
    from nightmill.configured import read_configuration
    from nightmill.pruning import prune as delete_old
    from nightmill.pruning import would_prune
    from nightmill.setup import open_store

    settings = read_configuration(config)
    age_s = _age_s(older_than, settings.store.prune_after)
    with closing(open_store(settings)) as store:
        old = would_prune(store, age_s)
        if not json:
            say(*_lines(old))
        if dry_run:
            _print(old, sum(batch.rows for batch in old), is_dry=True, json=json)
            return
        if old and not yes:
            _ask(len(old))
        left = "Stopped half-way: nobody sees these batches; the same command deletes the rest."
        with stoppable(left) as check:
            gone = delete_old(settings, store, age_s, check)
    say_of_traces(gone, "nightmill prune --older-than 3650d")
    _print(gone.batches, gone.rows, is_dry=False, json=json)


def _age_s(word: str | None, configured: float | None) -> float:
    from jobs.durations import parse_duration

    if word is None and configured is None:
        raise UsageError("Say how old, as in --older-than 30d, or set `store.prune_after`.")
    try:
        return float(configured or 0) if word is None else parse_duration(word)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from error


def _lines(old: Iterable["Old"]) -> Iterator[str]:
    return words.table(
        [
            (
                batch.id,
                batch.name,
                batch.state.value,
                words.count(batch.rows, "row"),
                f"ended {words.duration(batch.ended_s)} ago",
            )
            for batch in old
        ],
    )


def _ask(batches: int) -> None:
    """Raises `UsageError` where the answer is no, or nobody is there to give one."""
    if not sys.stdin.isatty():
        raise UsageError("Nothing was deleted: say --yes, as nobody is there to be asked.")
    if not typer.confirm(f"Delete {words.batches(batches)} for good?", err=True):
        raise UsageError("Nothing was deleted.")


def _print(old: Sequence["Old"], rows: int, *, is_dry: bool, json: bool) -> None:
    if json:
        listed = [msgspec.structs.asdict(batch) for batch in old]
        print_json(batches=listed, rows=rows, dry_run=is_dry)
    elif is_dry:
        say(f"{words.batches(len(old))} with {words.count(rows, 'row')} would be deleted.")
    else:
        say(f"{words.batches(len(old))} deleted, {words.count(rows, 'row')}.")
