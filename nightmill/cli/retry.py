"""`nightmill retry`."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from nightmill.cli import completion, options, words
from nightmill.cli.output import print_json, say
from nightmill.cli.stopping import stoppable

if TYPE_CHECKING:
    from nightmill.retrying import Again, Retried

Another = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Let another model do them; see `nightmill models`.",
        autocompletion=completion.models,
    ),
]

Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CODE",
        help="Rows that ended like this, such as schema_mismatch, expired or cancelled; else all"
        " that failed. May be given again.",
    ),
]
First = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="The first N of them only.")
]
MaxTokens = Annotated[
    int | None,
    typer.Option("--max-tokens", metavar="N", help="Tokens an answer may have from now on."),
]


def retry(
    batch: options.BatchId,
    *,
    only: Only = None,
    model: Another = None,
    max_tokens: MaxTokens = None,
    limit: First = None,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Open the next run of a batch's failed rows; `nightmill wait` then runs them.

    Lines that could not be read stay as they are: mend the input and give its command again.
    Answers by another model, or with more room, are kept when that command is given again.

    Example: nightmill retry b-0193 --model qwen3-8b
    """
    from nightmill.retrying import Again, codes_of, retry_batch
    from nightmill.setup import open_store, read_settings

    again = Again(codes=codes_of(only or ()), model=model, max_tokens=max_tokens, limit=limit)
    settings = read_settings(config)
    left = "Stopped half-way: the same command opens the next run of the rows that are left."
    with closing(open_store(settings)) as store, stoppable(left) as check:
        done = retry_batch(settings, store, batch, again, check)
    if json:
        print_json(**msgspec.structs.asdict(done))
    else:
        say(*lines(done, again))


def lines(done: "Retried", again: "Again") -> list[str]:
    """What was done, and what to do next."""
    if done.retried:
        by = f" by {done.model}" if done.model else ""
        said = [f"{words.count(done.retried, 'row')} will run again{by}: nightmill wait {done.id}"]
    elif again.codes:
        said = [f"{done.id}: no row has ended as {' or '.join(sorted(again.codes))}."]
    else:
        said = [
            f"{done.id}: no row that could run has failed.",
            "What was cancelled or has expired runs again with --only cancelled or --only expired.",
        ]
    if done.unreadable:
        left = words.count(done.unreadable, "failed line")
        said.append(f"{left} could not be read: nightmill errors {done.id}")
    return said
