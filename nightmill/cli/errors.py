"""`nightmill errors`."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from nightmill.cli import options, words
from nightmill.cli.output import print_json, tell
from nightmill.cli.summary import unsuccessful

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
    """Say why rows failed, were cancelled or expired and what helps, also while the batch runs.

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
    """What has no answer, for people."""
    rows = words.count(found.total, "row")
    how = ", ".join(unsuccessful(found.counts))
    yield (
        f"{found.name}: {found.unsuccessful:,} of {rows} ended without an answer"
        f"{how and ': '}{how}  ({found.id})"
    )
    for group in found.codes:
        yield from _group(group)
    if found.rows:
        yield ""
        yield from _table(found)
    if 0 < len(found.rows) < found.unsuccessful:
        yield f"and {found.unsuccessful - len(found.rows):,} more; --limit lists them"


def _group(group: "FailureGroup") -> Iterator[str]:
    rows = words.count(group.rows, "row")
    more = ", …" if group.rows > len(group.lines) else ""
    noun = "line" if group.rows == 1 else "lines"
    yield f"  {group.code}: {rows}, {noun} {', '.join(_lines_of(group))}{more}"
    yield f"    {group.message}"
    # The message of a line that could not be read says it already.
    if group.way_out not in group.message:
        yield f"    {group.way_out}"


def _lines_of(group: "FailureGroup") -> list[str]:
    if not group.files:
        return [str(line) for line in group.lines]
    return [f"{line} of {file}" for file, line in zip(group.files, group.lines, strict=True)]


def _table(found: "Errors") -> Iterator[str]:
    said = {group.code: group.message for group in found.codes}
    return words.table(
        (
            f"line {row.line} of {row.file}" if row.file else f"line {row.line}",
            row.custom_id or "-",
            row.code,
            "" if row.message == said[row.code] else row.message,
        )
        for row in found.rows
    )
