"""`nightmill batches`."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from jobs.states import JobState
from nightmill.cli import options, words
from nightmill.cli.output import print_json, say, tell
from nightmill.cli.rests import clock, why_nothing_begins

if TYPE_CHECKING:
    from nightmill.looking import Listed
    from nightmill.status import Status

NEWEST = 20

_HEADING = ("id", "state", "done", "failed", "age", "name", "output", "")
_NUMBERS = (2, 3)


def batches(
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many at most.")] = NEWEST,
    all_: Annotated[bool, typer.Option("--all", help="However many there are.")] = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """List the batches there are, newest first.

    Example: nightmill batches --limit 5
    """
    from nightmill.looking import newest
    from nightmill.setup import open_store, read_settings

    with closing(open_store(read_settings(config))) as store:
        found = newest(store, None if all_ else limit)
    if json:
        print_json(batches=[fields(listed) for listed in found])
    elif found:
        tell(*words.table([_HEADING, *map(cells, found)], right=_NUMBERS))
    else:
        say("There are no batches yet.")


def fields(listed: "Listed") -> dict[str, object]:
    """One batch for programs: its status, and since when it is there."""
    return msgspec.structs.asdict(listed.status) | {"created_at": listed.created_at}


def cells(listed: "Listed") -> tuple[str, ...]:
    """One batch as a line of the table."""
    status = listed.status
    return (
        listed.short_id,
        _state(status),
        f"{status.finished:,}/{status.total:,}",
        f"{status.counts[JobState.FAILED]:,}",
        words.duration(listed.age_s),
        status.name,
        status.output or "-",
        f"({note})" if (note := _note(status)) else "",
    )


def _note(status: "Status") -> str:
    """Why nothing of it begins, beside a state that says that it does not."""
    if status.paused_reason is None:
        return why_nothing_begins(status)
    until = "" if status.paused_until is None else f"until {clock(status.paused_until)}: "
    return f"{until}{status.paused_reason}"


def _state(status: "Status") -> str:
    if status.paused_reason is not None:
        return "paused"
    if not why_nothing_begins(status):
        return status.state
    return "cut off" if status.cut_off else "resting"
