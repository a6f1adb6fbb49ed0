"""All commands together."""

from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from nightmill.cli.backup import backup
from nightmill.cli.batches import batches
from nightmill.cli.bench import bench
from nightmill.cli.cancel import cancel
from nightmill.cli.check import check
from nightmill.cli.delete import delete
from nightmill.cli.dispatch import dispatch
from nightmill.cli.edit import edit
from nightmill.cli.errors import errors
from nightmill.cli.hosts import hosts
from nightmill.cli.kept_log import keep_log
from nightmill.cli.models import models
from nightmill.cli.monitor import monitor
from nightmill.cli.output import tell
from nightmill.cli.pause import pause
from nightmill.cli.prune import prune
from nightmill.cli.restore import restore
from nightmill.cli.results import results
from nightmill.cli.resume import resume
from nightmill.cli.retry import retry
from nightmill.cli.run import run
from nightmill.cli.service import service
from nightmill.cli.status import status
from nightmill.cli.store import store
from nightmill.cli.submit import submit
from nightmill.cli.tunnel import tunnel
from nightmill.cli.up import up
from nightmill.cli.wait import wait
from nightmill.cli.worker import worker

COMMANDS = (
    *(run, submit, wait, status, results, errors, cancel, edit, retry),
    *(pause, resume, delete, batches, backup, restore, prune),
    *(models, hosts, up, dispatch, worker, monitor, check, bench),
)

#: Commands that have commands of their own.
GROUPS = {"store": store, "tunnel": tunnel, "service": service}

app = typer.Typer(
    no_args_is_help=True,
    # Plain text: quicker to show, and the same in a terminal, a pipe and the documentation.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        tell(f"nightmill {version_of('nightmill')}")
        raise typer.Exit


def _keep_log(path: Path | None) -> None:
    # What a service of launchd is started with.
    if path is not None:
        keep_log(path)


@app.callback()
def nightmill(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the code an error came up.")
    ] = False,
    log_file: Annotated[Path | None, typer.Option(hidden=True, callback=_keep_log)] = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print it.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Grind batches of LLM jobs on machines you own: prompts in, answers out."""
