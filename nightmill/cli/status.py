"""`nightmill status`."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from jobs.sizes import size_text
from nightmill.cli import options, rests, tunnels, words
from nightmill.cli.hosts import spooled_line
from nightmill.cli.output import print_json, tell
from nightmill.report import Report
from nightmill.status import Status

if TYPE_CHECKING:
    from nightmill.disk_use import DiskUse

History = Annotated[
    bool, typer.Option("--history", help="Also who did what to it, and what hosts tried.")
]


def status(
    batch: options.BatchId,
    *,
    history: History = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Say how far a batch is, and why rows failed when it has ended or was paused.

    Example: nightmill status b-0193 --history
    """
    from nightmill.chronicle import chronicle_of
    from nightmill.cli.history import lines as history_lines
    from nightmill.disk_use import disk_use
    from nightmill.looking import look, report_of
    from nightmill.setup import open_store, read_settings
    from worker import spool

    settings = read_settings(config)
    with closing(open_store(settings)) as store:
        found = look(store, batch)
        is_still = found.is_over or found.needs_a_look
        report = report_of(store, found.id) if is_still else None
        chronicle = chronicle_of(store, found.id) if history else None
        disk = disk_use(settings, store, found)
    spooled = spool.waiting(spool.folder_in(settings.data_dir))
    if json:
        told = None if chronicle is None else msgspec.structs.asdict(chronicle)
        print_json(
            **fields(found, report),
            spooled=spooled,
            history=told,
            disk=msgspec.structs.asdict(disk),
        )
        return
    tell(*lines(found, report), *([spooled_line(spooled)] if spooled else []), *disk_lines(disk))
    if chronicle is not None:
        tell(*history_lines(chronicle))


def disk_lines(disk: "DiskUse") -> list[str]:
    """What the store takes and what is free, for people."""
    free = "" if disk.free_bytes is None else f", {_size(disk.free_bytes)} free on its disk"
    said = [f"store: {_size(disk.store_bytes)}{free}"]
    return said if disk.warning is None else [*said, disk.warning]


def _size(size: int) -> str:
    return size_text(size) if size else "nothing"


def fields(status: Status, report: Report | None) -> dict[str, Any]:
    """A status for programs, with the report of a batch in which nothing moves."""
    of_report = {} if report is None else msgspec.structs.asdict(report)
    return msgspec.structs.asdict(status) | of_report


def lines(status: Status, report: Report | None) -> list[str]:
    """A status for people."""
    from nightmill.cli import summary
    from nightmill.cli.schedule import schedule

    said = [
        f"{status.name}: {status.state}  ({status.id})",
        ", ".join([summary.counts(status), *summary.speed(status)]),
        f"{summary.tokens(status)}, model {status.model}, pool {status.pool}",
        *schedule(status),
    ]
    if status.paused_reason is not None:
        said.append(f"{rests.pause_of(status)}; nightmill resume {status.id}")
    said += map(rests.of_pool, status.rests)
    said += [f"pool {cut.pool} {tunnels.why_cut_off(cut)}" for cut in status.cut_off]
    said += [
        f"no worker serves pool {pool}: nightmill up, or nightmill worker {pool}"
        for pool in status.unserved
    ]
    if status.trouble is not None:
        since = words.duration(status.trouble.for_s)
        said.append(
            f"pool {status.trouble.pool} has served nobody for {since}: {status.trouble.text}"
        )
    if status.output:
        missing = status.is_over and not Path(status.output).exists()
        hint = f" (not written yet: nightmill wait {status.id})" if missing else ""
        said.append(f"results: {status.output}{hint}")
    if report is not None:
        said += [*summary.failures(report, status.id), *summary.shares(report)]
    return said
