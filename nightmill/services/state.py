"""How a service is, out of what launchd and systemd say of it."""

import re
from dataclasses import dataclass
from typing import Literal

from nightmill.services.facts import Site
from nightmill.services.runner import Ran, Runner
from nightmill.services.systemd import control

State = Literal["running", "starting", "stopping", "stopped", "failed"]

_PROPERTIES = ("ActiveState", "MainPID", "NRestarts", "ExecMainStatus", "StatusText")
_SYSTEMD: dict[str, State] = {
    "active": "running",
    "reloading": "running",
    "activating": "starting",
    "deactivating": "stopping",
    "failed": "failed",
}


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """One installed service."""

    #: `nightmill-worker-mlx`.
    service: str
    manager: Literal["launchd", "systemd"]
    #: Where its definition lies.
    path: str
    state: State
    pid: int | None = None
    #: How often it was started again, where that is counted.
    restarts: int | None = None
    #: Exit status of its last process that ended; None before that.
    last_exit: int | None = None
    #: What it says of itself.
    says: str = ""


def state_of(service_id: str, site: Site, runner: Runner) -> ServiceState:
    """How an installed service is."""
    path = str(site.path(service_id))
    if site.manager == "launchd":
        ran = runner(("launchctl", "print", f"system/{service_id}"))
        return read_launchd(service_id, path, ran)
    properties = ",".join(_PROPERTIES)
    ran = runner((*control(site), "show", f"{service_id}.service", "-p", properties))
    return read_systemd(service_id, path, ran.said)


def read_systemd(service_id: str, path: str, said: str) -> ServiceState:
    """Out of what `systemctl show` says."""
    found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    pid = int(found.get("MainPID") or 0)
    return ServiceState(
        service=service_id,
        manager="systemd",
        path=path,
        state=_SYSTEMD.get(found.get("ActiveState", ""), "stopped"),
        pid=pid or None,
        restarts=int(found.get("NRestarts") or 0),
        last_exit=None if pid else int(found.get("ExecMainStatus") or 0),
        says=found.get("StatusText", ""),
    )


def read_launchd(service_id: str, path: str, ran: Ran) -> ServiceState:
    """Out of what `launchctl print` says, which is for people and may change."""
    is_loaded = ran.status == 0
    pid, last_exit = _number("pid", ran.said), _number("last exit code", ran.said)
    state: State = "stopped" if not is_loaded else "starting" if pid is None else "running"
    if state == "starting" and last_exit:
        state = "failed"
    return ServiceState(
        service=service_id,
        manager="launchd",
        path=path,
        state=state,
        pid=pid,
        last_exit=last_exit,
    )


def _number(name: str, said: str) -> int | None:
    found = re.search(rf"^\t{name} = (\d+)", said, re.MULTILINE)
    return int(found[1]) if found else None
