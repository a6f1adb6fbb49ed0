"""`nightmill bench`."""

from pathlib import Path
from typing import Annotated

import typer

from nightmill.cli import options
from nightmill.cli.output import print_json, say, tell

DOES_NOT_HOLD = 1


def bench(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="queue, leases, latency, fairness, control, backup, copy, engine, ingest, status,"
            " ollama or tunnel.",
        ),
    ],
    *,
    runs: Annotated[int, typer.Option(metavar="N", min=1, help="Runs of each side.")] = 5,
    size: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Jobs, lines, rows or MiB.")
    ] = None,
    store: Annotated[
        list[str] | None,
        typer.Option(metavar="STORE", help="sqlite, postgres or a Postgres URL; again for more."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Model of the engine bench; else demo.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="An Ollama of yours; else a stand-in.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where its stores go, on a real disk.")
    ] = None,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Measure Nightmill against what it is made of; both sides take turns.

    Ends with 1 where a ratio does not hold.

    Example: nightmill bench queue
    """
    import msgspec

    from nightmill import bench as benches
    from nightmill.setup import read_settings

    told = benches.BenchOptions(
        folder=folder or read_settings(config).data_dir,
        stores=tuple(store or ()),
        runs=runs,
        size=size,
        model=model,
        url=url,
    )
    result = benches.run(name, told, say)
    if json:
        print_json(**msgspec.structs.asdict(result))
    else:
        tell(*benches.sentences(result))
    if not result.ok:
        raise typer.Exit(DOES_NOT_HOLD)
