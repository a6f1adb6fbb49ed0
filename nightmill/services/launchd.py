"""Property lists for launchd: daemons of the machine that run as a user of it."""

import plistlib
from pathlib import Path
from typing import Any

from nightmill.services.facts import Facts, Site
from nightmill.services.runner import Step
from nightmill.services.service import Service

#: Seconds between two starts, however soon it ends.
THROTTLE_S = 10
#: launchd's own default of 256 is soon used up by connections.
OPEN_FILES = 8192

WHY_A_DAEMON = (
    "A daemon of the machine that runs as you, not an agent of your login: an agent starts only"
    " when you log in, ends when you log out, and since macOS 15 is kept from the local network."
)


def property_list(service: Service, facts: Facts) -> bytes:
    """The text of a property list."""
    log = log_of(service.id, facts.data_dir)
    told: dict[str, Any] = {
        "Label": service.id,
        "ProgramArguments": list(facts.command(service.arguments, log=log)),
        "UserName": facts.user,
        "WorkingDirectory": str(facts.home),
        "EnvironmentVariables": facts.environment,
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": THROTTLE_S,
        # Anything less, and its timers are put off while nobody sits there.
        "ProcessType": "Interactive",
        "ExitTimeOut": service.end_s,
        "Umask": 0o077,
        "SoftResourceLimits": {"NumberOfFiles": OPEN_FILES},
        # launchd opens this once and never again: it is only for what goes wrong before the
        # program opens the same file itself, which it turns over when it has grown large.
        "StandardOutPath": str(log),
        "StandardErrorPath": str(log),
    }
    head, end, rest = plistlib.dumps(told, sort_keys=False).partition(b"<plist")
    return head + f"<!-- {WHY_A_DAEMON} -->\n".encode() + end + rest


def log_of(service_id: str, data_dir: Path) -> Path:
    """Where a service writes what it has to say."""
    return data_dir / "logs" / f"service-{service_id.removeprefix('nightmill-')}.log"


def install(service: Service, facts: Facts, staged: Path) -> list[Step]:
    """What puts the staged property list in its place and makes launchd run it."""
    target = f"system/{service.id}"
    place = facts.site.path(service.id)
    owner = ("-o", "root", "-g", "wheel")
    sudo = _sudo(facts.site)
    logs = str(log_of(service.id, facts.data_dir).parent)
    make = ("mkdir", "-p", "-m", "700", str(facts.data_dir), logs)
    put = ("install", "-m", "644", *owner, str(staged), str(place))
    return [
        # Root writes to the place itself, and nothing into a user's folder.
        Step(("sudo", "-u", facts.user, *make) if facts.site.is_root else (*sudo, *put)),
        # One that is there already has to go first; it takes launchd a while.
        Step((*sudo, "launchctl", "bootout", target), else_=""),
        Step((*sudo, "launchctl", "enable", target)),
        Step((*sudo, "launchctl", "bootstrap", "system", str(place)), times=service.end_s),
    ]


def uninstall(service_id: str, site: Site) -> list[Step]:
    """What makes launchd end it and forget it."""
    sudo = _sudo(site)
    return [
        Step((*sudo, "launchctl", "bootout", f"system/{service_id}"), else_=""),
        Step((*sudo, "rm", "-f", str(site.path(service_id)))),
    ]


def tail(service_id: str, data_dir: Path, lines: int, *, follow: bool) -> tuple[str, ...]:
    """The command that shows what a service has said; it follows the log when it is turned over."""
    return (
        "tail",
        "-n",
        str(lines),
        *(("-F",) if follow else ()),
        str(log_of(service_id, data_dir)),
    )


def _sudo(site: Site) -> tuple[str, ...]:
    """Only root writes there; whoever is not is asked for the password by `sudo` itself."""
    return () if site.is_root else ("sudo",)
