"""`nightmill service`: what runs from the start of a machine on, by launchd or systemd."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.errors import UsageError
from nightmill.cli import options
from nightmill.cli.output import print_json, say, tell
from nightmill.services.facts import Site, gather, here
from nightmill.services.runner import run
from nightmill.services.service import KINDS, Kind, Service, service_of
from nightmill.services.state import ServiceState

service = typer.Typer(
    no_args_is_help=True,
    help="Run tunnel, worker, dispatcher or monitor from the machine's start on.",
)

What = Annotated[Kind, typer.Argument(metavar="WHAT", help=f"One of {', '.join(KINDS)}.")]
Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="The tunnel's or pool's, where there are several."),
]
#: What a script learns from `status` where something does not run.
NOT_RUNNING = 1
LINES = 50


@service.command()
def install(
    what: What,
    name: Name = None,
    *,
    only_print: Annotated[
        bool, typer.Option("--print", help="Show what would be written and run; do nothing.")
    ] = False,
    account: Annotated[
        str | None, typer.Option("--as", metavar="USER", help="Run it as this user; root says so.")
    ] = None,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Make a service of what this machine is there for, and start it; again to change it.

    On macOS a LaunchDaemon, for which `sudo` asks for your password. On Linux a unit of yours, or
    one of the machine where root gives the command. For a tunnel it also prints what the server
    has to permit.

    Example: nightmill service install worker mlx
    """
    from nightmill.configured import read_configuration
    from nightmill.services.installing import install as do_install
    from nightmill.services.installing import plan
    from nightmill.services.permits import permits

    settings = read_configuration(config)
    chosen = service_of(settings, what, name)
    facts = gather(settings, here(), run, account, is_named=config is not None)
    planned = plan(chosen, facts)
    undone = [] if only_print else do_install(planned, facts, run)
    server = permits(settings, chosen.name, facts.home) if what == "tunnel" else ""
    if json:
        print_json(
            service=chosen.id,
            manager=facts.site.manager,
            path=str(planned.path),
            is_installed=not only_print,
            text=planned.text,
            commands=planned.commands,
            undone=undone,
            server=server,
        )
        return
    if only_print:
        tell(f"# {planned.path}", planned.text, *planned.commands)
    else:
        say(f"{chosen.id} runs now and from each start on ({planned.path}).", *undone)
        say(f"How it is: nightmill service status {chosen.words}")
    if server:
        tell("", server)


@service.command()
def uninstall(
    what: What,
    name: Name = None,
    *,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove the data directory too: store, results, logs.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """End a service and remove it. Its data stay, unless --purge says otherwise.

    Example: nightmill service uninstall worker mlx
    """
    from nightmill.services.installing import data_dir_of, require_installed
    from nightmill.services.installing import uninstall as do_uninstall
    from nightmill.services.purging import purge as remove
    from nightmill.services.purging import require_unused

    site = here()
    chosen = _installed(what, name, config, site)
    require_installed(chosen, site)
    data_dir = data_dir_of(chosen.id, site) if purge else None
    if data_dir is not None:
        require_unused(data_dir, site, chosen.id)
        if not yes:
            _ask(data_dir)
    do_uninstall(chosen.id, site, run)
    if data_dir is not None:
        remove(data_dir)
    if json:
        print_json(service=chosen.id, purged=None if data_dir is None else str(data_dir))
    else:
        say(f"{chosen.id} is no service any more.")
        say("Its data stay." if data_dir is None else f"{data_dir} was removed.")


@service.command()
def status(
    what: Annotated[
        Kind | None, typer.Argument(metavar="[WHAT]", help="One of them; without, all.")
    ] = None,
    name: Name = None,
    *,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Say how the services of this machine are; exit status 1 where one does not run.

    Example: nightmill service status worker mlx
    """
    from nightmill.services.installing import require_installed
    from nightmill.services.state import state_of

    site = here()
    ids = site.installed()
    if what is not None:
        chosen = _installed(what, name, config, site)
        require_installed(chosen, site)
        ids = [chosen.id]
    states = [state_of(each, site, run) for each in ids]
    if json:
        print_json(services=states)
    elif states:
        tell(*map(_line, states))
    else:
        tell(f"No services in {site.folder}.")
    if any(each.state != "running" for each in states):
        raise typer.Exit(NOT_RUNNING)


@service.command()
def logs(
    what: What,
    name: Name = None,
    *,
    lines: Annotated[
        int, typer.Option(metavar="N", min=1, max=100_000, help="How many of the last lines.")
    ] = LINES,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is said from now on.")
    ] = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Show what a service has said.

    Example: nightmill service logs worker mlx --follow
    """
    from nightmill.services.installing import logs_command, require_installed

    if json and follow:
        raise UsageError("--json is one object, and --follow has no end: leave one of them out.")
    site = here()
    chosen = _installed(what, name, config, site)
    require_installed(chosen, site)
    command = logs_command(chosen.id, site, lines, follow=follow)
    if follow:
        sys.stdout.flush()
        os.execvp(command[0], command)  # noqa: S606  (ends with its reader, by its own signals)
    ran = run(command)
    if ran.status:
        raise UsageError(f"`{' '.join(command)}` failed with {ran.status}: {ran.said}")
    if json:
        print_json(service=chosen.id, lines=ran.said.splitlines())
    else:
        tell(ran.said)


def _installed(what: Kind, name: str | None, config: Path | None, site: Site) -> Service:
    """The service that is meant: also one that the configuration does not know any more."""
    from nightmill.configured import read_configuration

    named = Service(kind=what, name=name or "")
    if named.id in site.installed():
        return named
    return service_of(read_configuration(config), what, name)


def _ask(data_dir: Path) -> None:
    if not sys.stdin.isatty():
        raise UsageError("Nothing was removed: say --yes, as nobody is there to be asked.")
    if not typer.confirm(f"Remove {data_dir} with all batches and answers for good?", err=True):
        raise UsageError("Nothing was removed.")


def _line(state: ServiceState) -> str:
    told = [f"process {state.pid}" if state.pid else ""]
    if state.restarts:
        told.append(f"started again {state.restarts} times")
    if state.last_exit:
        told.append(f"ended with {state.last_exit}")
    told.append(state.says)
    return f"{state.service}  {state.state}  {', '.join(filter(None, told))}".rstrip()
