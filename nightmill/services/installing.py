"""Making services, and unmaking them."""

import plistlib
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import UsageError
from jobs.folders import make_private
from nightmill.embedded.datadir import DataDir
from nightmill.services import launchd, systemd
from nightmill.services.facts import Facts, Site
from nightmill.services.runner import Runner, Step, take
from nightmill.services.service import Service


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is written where, and the commands after that."""

    service: str
    #: Where the manager reads it.
    path: Path
    #: Where we write it; elsewhere if only root may write there.
    written_to: Path
    text: str
    steps: tuple[Step, ...]

    @property
    def commands(self) -> list[str]:
        """The commands as they could be given by hand."""
        return [shlex.join(step.command) for step in self.steps]


def plan(service: Service, facts: Facts) -> Plan:
    """What `install` would do."""
    path = facts.site.path(service.id)
    if facts.site.manager == "systemd":
        text, staged = systemd.unit(service, facts), path
        steps = systemd.install(service, facts)
    else:
        text = launchd.property_list(service, facts).decode()
        staged = path if facts.site.is_root else facts.data_dir / "services" / path.name
        steps = launchd.install(service, facts, staged)
    return Plan(service=service.id, path=path, written_to=staged, text=text, steps=tuple(steps))


def install(
    planned: Plan, facts: Facts, runner: Runner, wait: Callable[[float], object] = time.sleep
) -> list[str]:
    """Write the definition and have it run; what could not be done and is not necessary.

    Raises `UsageError` where no manager of services runs here, or one of the commands fails.
    """
    if not facts.is_running:
        raise UsageError(
            "No systemd runs on this machine, so nothing was installed. --print shows what would"
            " be; in a container, let its own supervisor start the command."
        )
    if not facts.site.is_root:
        DataDir(facts.data_dir).prepare()
    try:
        _write(planned)
    except OSError as error:
        raise UsageError(
            f"{planned.written_to} cannot be written: {error.strerror}. Nothing was installed."
        ) from error
    return take(planned.steps, runner, wait)


def uninstall(
    service_id: str, site: Site, runner: Runner, wait: Callable[[float], object] = time.sleep
) -> None:
    """End a service and remove it; its data stay. Raises `UsageError` where that fails."""
    steps = (
        systemd.uninstall(service_id, site)
        if site.manager == "systemd"
        else launchd.uninstall(service_id, site)
    )
    take(steps, runner, wait)


def data_dir_of(service_id: str, site: Site) -> Path | None:
    """The data directory of an installed service; None where its definition does not say."""
    path = site.path(service_id)
    if site.manager == "launchd":
        found = plistlib.loads(path.read_bytes())["EnvironmentVariables"].get(_DATA_DIR)
        return Path(found) if found else None
    for line in path.read_text().splitlines():
        key, _, value = line.partition("=")
        name, _, said = systemd.unquoted(value).partition("=")
        if (key, name) == ("Environment", _DATA_DIR):
            return Path(said)
    return None


def logs_command(service_id: str, site: Site, lines: int, *, follow: bool) -> tuple[str, ...]:
    """What shows the log of an installed service."""
    if site.manager == "systemd":
        return systemd.journal(service_id, site, lines, follow=follow)
    data_dir = data_dir_of(service_id, site)
    if data_dir is None:
        raise UsageError(f"{site.path(service_id)} was not written by us: it names no data.")
    return launchd.tail(service_id, data_dir, lines, follow=follow)


def require_installed(service: Service, site: Site) -> None:
    """Raise `UsageError` where there is no such service."""
    if not site.path(service.id).exists():
        raise UsageError(
            f"There is no service for {service.words} here (no {site.path(service.id)})."
            f" `nightmill service install {service.words}` makes one."
        )


_DATA_DIR = "NIGHTMILL_DATA_DIR"


def _write(planned: Plan) -> None:
    folder = planned.written_to.parent
    if planned.written_to == planned.path:
        folder.mkdir(parents=True, exist_ok=True)
    else:
        make_private(folder)
    new = planned.written_to.with_suffix(".new")
    new.write_text(planned.text)
    new.chmod(0o644)
    new.replace(planned.written_to)
