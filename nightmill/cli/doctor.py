"""`nightmill tunnel doctor`."""

import typer

from nightmill.cli import options
from nightmill.cli.output import print_json, tell
from nightmill.cli.pasting import with_config
from nightmill.services.facts import here
from nightmill.services.runner import run

PROBLEMS = 2


def doctor(
    name: options.TunnelName = None, *, json: options.Json = False, config: options.Config = None
) -> None:
    """Look over all that a tunnel depends on, here and on its server, and say what to do.

    Keys, names, what the server permits, ports, sleep, clock and service; nothing is changed. It
    also prints what the server has to permit, ready to paste there. Exit status 2 if it found a
    problem.

    Example: nightmill tunnel doctor home
    """
    from nightmill.configured import read_configuration
    from nightmill.tunnel_doctor import examine

    found = examine(read_configuration(config), name, here(), run)
    is_fine = all(finding.kind != "problem" for finding in found.findings)
    if json:
        print_json(name=found.name, ok=is_fine, findings=found.findings, server=found.server)
    else:
        said = (f"{f.kind:<8} {f.what}: {f.sentence}" for f in found.findings)
        tell(*with_config(said, config), "", found.server)
    if not is_fine:
        raise typer.Exit(PROBLEMS)
