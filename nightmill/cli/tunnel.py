"""`nightmill tunnel`: the connection by which this machine and its server reach each other."""

import shlex
from contextlib import closing
from typing import Annotated

import msgspec
import typer

from jobs.errors import UsageError
from jobs.tunnels import TunnelReport, TunnelState
from nightmill.cli import options, tunnels
from nightmill.cli.doctor import doctor
from nightmill.cli.output import print_json, say, tell
from nightmill.cli.pasting import errors_with_config, with_config
from nightmill.cli.signals import InterruptedByUser

tunnel = typer.Typer(
    no_args_is_help=True, help="Reach a server over SSH, and be reached, through a connection."
)

tunnel.command()(doctor)

#: What a script learns from `status` where a tunnel is not up.
NOT_UP = 1


@tunnel.command()
def up(
    name: options.TunnelName = None, *, json: options.Json = False, config: options.Config = None
) -> None:
    """Keep a tunnel up until it is stopped, whatever happens to network, server or this machine.

    SIGHUP makes it read its settings again.

    Example: nightmill tunnel up home
    """
    from nightmill.configured import read_configuration
    from nightmill.tunnel_process import run_tunnel

    told: list[tuple[object, ...]] = []

    def tell_change(report: TunnelReport) -> None:
        change = (report.state, report.reason, report.server)
        if json and change != (told[-1] if told else None):
            told[:] = [change]
            print_json(report=report)

    with errors_with_config(config):
        ended = run_tunnel(lambda: read_configuration(config), name, tell_change)
    raise InterruptedByUser(ended)


@tunnel.command()
def status(
    name: options.TunnelName = None, *, json: options.Json = False, config: options.Config = None
) -> None:
    """Say how a tunnel of this machine is, and each of its forwards; exit status 1 if it is not up.

    Example: nightmill tunnel status home
    """
    from nightmill.configured import read_configuration
    from nightmill.dialling import dialled
    from tunnel.control import Request

    asked = dialled(read_configuration(config), name)
    answer = asked.ask(Request(do="status"))
    report = None if answer is None else answer.report
    if json:
        print_json(name=asked.name, is_running=report is not None, report=report)
    elif report is None:
        tell(*with_config([_not_running(asked.name)], config))
    else:
        tell(*with_config(tunnels.lines(report), config))
    if report is None or report.state is not TunnelState.UP:
        raise typer.Exit(NOT_UP)


@tunnel.command()
def reload(
    name: options.TunnelName = None, *, json: options.Json = False, config: options.Config = None
) -> None:
    """Have a tunnel that runs read its settings again: forwards change without a new connection.

    It reads the configuration that it was started with.

    Example: nightmill tunnel reload home
    """
    from nightmill.configured import read_configuration
    from nightmill.dialling import dialled
    from tunnel.control import Request

    asked = dialled(read_configuration(config), name)
    answer = asked.ask(Request(do="reload"))
    with errors_with_config(config):
        if answer is None:
            raise UsageError(_not_running(asked.name))
        if answer.fault:
            raise UsageError(f"Tunnel {asked.name} goes on as it was: {answer.fault}")
    if json:
        print_json(name=asked.name, report=answer.report)
    else:
        say(f"Tunnel {asked.name} goes by its settings as they are now.")


@tunnel.command()
def trust(
    name: options.TunnelName = None,
    *,
    fingerprint: Annotated[
        str | None,
        typer.Option(metavar="SHA256:…", help="Pin the server's key, if this is what it shows."),
    ] = None,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Show the host key of a tunnel's server, and pin it once you have compared it there.

    Example: nightmill tunnel trust home --fingerprint SHA256:…
    """
    from nightmill.configured import read_configuration
    from nightmill.dialling import dialled
    from nightmill.trusting import look, pin

    asked = dialled(read_configuration(config), name)
    with errors_with_config(config):
        shown = look(asked) if fingerprint is None else pin(asked, fingerprint)
    if json:
        print_json(**msgspec.structs.asdict(shown))
    else:
        tell(*with_config(tunnels.of_key(shown), config))


@tunnel.command()
def forget(
    name: Annotated[str, typer.Argument(help="Name of the tunnel, as `nightmill hosts` shows it.")],
    *,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Take a tunnel that is gone for good out of the store, so that no pool waits for it any more.

    It is refused while the tunnel is heard of; given on any machine that uses the same store.

    Example: nightmill tunnel forget home
    """
    from nightmill.forgetting import forget_tunnel
    from nightmill.setup import open_store, read_settings

    with closing(open_store(read_settings(config))) as store:
        forgotten = forget_tunnel(store, name)
    if json:
        print_json(name=forgotten.name, machine=forgotten.machine, pools=forgotten.pools)
    else:
        say(f"Tunnel {forgotten.name} of {forgotten.machine} is forgotten.")


@tunnel.command("print-ssh")
def print_ssh(
    name: options.TunnelName = None, *, json: options.Json = False, config: options.Config = None
) -> None:
    """Print the plain `ssh` command that makes the same connection once, for each server.

    Example: nightmill tunnel print-ssh home
    """
    from nightmill.configured import read_configuration
    from nightmill.dialling import dialled
    from tunnel.plain_ssh import ssh_command

    asked = dialled(read_configuration(config), name)
    commands = [
        ssh_command(asked.name, asked.settings, asked.places, server)
        for server in asked.settings.addresses
    ]
    if json:
        print_json(name=asked.name, commands=commands)
    else:
        tell(*map(shlex.join, commands))


def _not_running(name: str) -> str:
    return f"Tunnel {name} does not run here: `nightmill tunnel up {name}`."
