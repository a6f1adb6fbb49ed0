"""`nightmill pause`."""

from contextlib import closing
from typing import Annotated

import typer

from nightmill.cli import options
from nightmill.cli.output import print_json, say


def pause(
    what: options.PoolOrBatch,
    *,
    for_: Annotated[
        float | None,
        typer.Option(
            "--for",
            metavar="TIME",
            parser=options.duration,
            help="Go on by itself after that: 30m, 2h, 1h30m.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why, for whoever wonders; by default who did it.")
    ] = "",
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Let a batch wait, or let a pool's machines rest, until it is resumed.

    What runs of a batch ends as usual. The jobs of a pool end within the grace time of its workers
    or are handed back, and models leave the memory within a minute. What waits for it waits on.

    Example: nightmill pause mlx --for 2h
    """
    from nightmill.cli.rests import clock
    from nightmill.pausing import pause as begin
    from nightmill.setup import open_store, read_settings

    settings = read_settings(config)
    with closing(open_store(settings)) as store:
        paused = begin(settings, store, what, reason, for_)
    if json:
        print_json(
            **options.named(paused.target),
            paused_until=paused.until,
            reason=paused.reason,
        )
        return
    end = "" if paused.until is None else f"until {clock(paused.until)}; "
    say(f"{paused.target} is paused: {end}nightmill resume {what} lets it go on.")
