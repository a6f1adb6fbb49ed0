"""`nightmill errors`."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from nightmill.cli import options, words
from nightmill.cli.output import print_json, tell

if TYPE_CHECKING:
    from nightmill.failures import Errors, FailureGroup

#: Rows that are listed one by one unless told otherwise.
LISTED = 10


def errors(
    batch: options.BatchId,
    *,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many rows to list one by one.")
    ] = LISTED,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Say why rows failed and what helps, also while the batch runs.

    Shows no prompts and no answers; `nightmill results` has the rows.

    Example: nightmill errors b-0193 --limit 50
    """
    from nightmill.looking import errors_of
    from nightmill.setup import open_store, read_settings

    with closing(open_store(read_settings(config))) as store:
        found = errors_of(store, batch, limit)
    if json:
        print_json(**msgspec.structs.asdict(found))
    else:
        tell(*lines(found))


def lines(found: "Errors") -> Iterator[str]:
    """The failures of a batch for people."""
    rows = words.count(found.total, "row")
    yield f"{found.name}: {found.failed:,} of {rows} failed  ({found.id})"
    for group in found.codes:
        yield from _group(group)
    if found.rows:
        yield ""
        yield from _table(found)
    if 0 < len(found.rows) < found.failed:
        yield f"and {found.failed - len(found.rows):,} more; --limit lists them"


def _group(group: "FailureGroup") -> Iterator[str]:
    rows = words.count(group.rows, "row")
    more = ", …" if group.rows > len(group.lines) else ""
    noun = "line" if group.rows == 1 else "lines"
    yield f"  {group.code}: {rows}, {noun} {', '.join(map(str, group.lines))}{more}"
    yield f"    {group.message}"
    # The message of a line that could not be read says it already.
    if group.way_out not in group.message:
        yield f"    {group.way_out}"


def _table(found: "Errors") -> Iterator[str]:
    said = {group.code: group.message for group in found.codes}
    return words.table(
        (
            f"line {row.line}",
            row.custom_id or "-",
            row.code,
            "" if row.message == said[row.code] else row.message,
        )
        for row in found.rows
    )
