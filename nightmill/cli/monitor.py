"""`nightmill monitor`."""

from typing import Annotated

import typer

from nightmill.cli import options
from nightmill.cli.output import print_json, say
from nightmill.cli.signals import Signals


def monitor(
    *,
    port: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=65_535, help="Port (5555); 0 takes a free one."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="Where to listen (127.0.0.1); else needs a password."),
    ] = None,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Show in the browser what runs: Flower, with an overview of pools, hosts and batches.

    It only shows, and needs neither a run nor a broker to begin. Ctrl-C ends it.

    Example: nightmill monitor --port 8080
    """
    from nightmill.configured import started_by
    from nightmill.monitor_process import run_monitor
    from nightmill.setup import read_settings

    manager = started_by()

    def tell_url(url: str) -> None:
        manager.is_ready(f"serves {url}")
        if json:
            print_json(state="serving", url=url)
        else:
            say(f"Open {url} in your browser. Ctrl-C ends this.")

    with Signals() as signals:
        run_monitor(read_settings(config), address, port, tell_url, signals.check)
