"""`nightmill check`."""

import typer

from nightmill.cli import options
from nightmill.cli.output import print_json, tell

PROBLEMS = 2


def check(*, json: options.Json = False, config: options.Config = None) -> None:
    """Look over configuration and machine, and name every problem there is.

    Example: nightmill check --config server.toml
    """
    from jobs.errors import SettingsError
    from nightmill.checkup import Finding, look_over
    from nightmill.setup import read_settings

    try:
        findings = look_over(read_settings(config))
    except SettingsError as error:
        findings = [Finding("settings", "problem", fault) for fault in error.faults]
    is_fine = all(finding.kind != "problem" for finding in findings)
    if json:
        print_json(ok=is_fine, findings=findings)
    else:
        tell(*(f"{f.kind:<8} {f.what}: {f.sentence}" for f in findings))
    if not is_fine:
        raise typer.Exit(PROBLEMS)
