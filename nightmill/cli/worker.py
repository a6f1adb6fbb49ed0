"""`nightmill worker`."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from nightmill.cli import completion, options
from nightmill.cli.output import print_json, say


def worker(
    pool: Annotated[
        str,
        typer.Argument(
            metavar="POOL", help="Pool whose jobs it runs.", autocompletion=completion.pools
        ),
    ],
    *,
    json: options.Json = False,
    config: options.Config = None,
    # What the stack of `run` tells the workers that it starts.
    session: Annotated[str | None, typer.Option(hidden=True)] = None,
    lifeline_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
    broker_url: Annotated[str | None, typer.Option(hidden=True)] = None,
    data_dir: Annotated[Path | None, typer.Option(hidden=True)] = None,
    found_at: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the jobs of one pool on this machine until it is stopped.

    The first Ctrl-C lets running jobs end, the second hands them back at once. `run` starts its
    own workers; this one needs a broker that the dispatcher reaches too, as `broker.url`.

    Example: nightmill worker mlx
    """
    from nightmill.configured import started_by
    from nightmill.embedded.lifeline import end_with_parent
    from nightmill.pool_process import run_pool
    from nightmill.setup import read_settings

    if lifeline_fd is not None:
        end_with_parent(lifeline_fd)
        # Its parent outlives a terminal; what this one starts inherits that it does too.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def tell_ready(host: str, session: str) -> None:
        # One that a stack of ours has started is not what anybody waits for.
        if lifeline_fd is None:
            started_by().is_ready(f"runs the jobs of pool {pool} as {host}")
        if json:
            print_json(state="ready", pool=pool, host=host, session=session)
        else:
            say(f"The worker of pool {pool} on {host} is ready.")

    # What was found is not looked for again: it might be busy in just that moment.
    found = None if session is None else {} if found_at is None else {pool: found_at}
    settings = read_settings(config, data_dir, found)
    raise typer.Exit(run_pool(settings, pool, broker_url, session, tell_ready))
