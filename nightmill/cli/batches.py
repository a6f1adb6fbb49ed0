"""`nightmill batches`."""

from contextlib import closing
from typing import Annotated

import msgspec
import typer

from nightmill.cli import options, words
from nightmill.cli.output import print_json, tell
from nightmill.status import Status

NEWEST = 20


def batches(
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many at most.")] = NEWEST,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """List the batches there are, newest first.

    Example: nightmill batches --limit 5
    """
    from nightmill.looking import newest
    from nightmill.setup import open_store, read_settings

    with closing(open_store(read_settings(config))) as store:
        found = newest(store, limit)
    if json:
        print_json(batches=[msgspec.structs.asdict(status) for status in found])
    else:
        tell(*map(line, found))


def line(status: Status) -> str:
    """One batch in one line."""
    rows = words.count(status.total, "row")
    is_paused = status.paused_reason is not None
    state = "paused" if is_paused else status.state.value
    why = f"  ({status.paused_reason})" if is_paused else ""
    return f"{status.id}  {state:<10}  {status.finished:,} of {rows}  {status.name}{why}"
