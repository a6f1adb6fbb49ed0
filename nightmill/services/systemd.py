"""Units for systemd: what the installed version knows, and no more."""

import re
from collections.abc import Iterator

from nightmill.services.facts import Facts, Site
from nightmill.services.runner import Step
from nightmill.services.service import START_S, WATCHDOG_S, Service

#: Since which version systemd knows what it has not always known.
_SINCE = {
    "RestrictSUIDSGID": 242,
    "ProtectHostname": 242,
    "ProtectKernelLogs": 244,
    "ProtectClock": 245,
    "RestartSteps": 254,
    "RestartMaxDelaySec": 254,
}

#: For a unit of the machine. Not PrivateTmp: what keeps two large models from being loaded at once,
#: and sockets with a short path, are in /tmp for all to see.
_CONFINED = {
    "ProtectSystem": "strict",
    "ProtectHome": "read-only",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes",
    "ProtectClock": "yes",
    "ProtectHostname": "yes",
    "LockPersonality": "yes",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "CapabilityBoundingSet": "",
    "SystemCallArchitectures": "native",
    "SystemCallFilter": "@system-service",
    "SystemCallErrorNumber": "EPERM",
}


def unit(service: Service, facts: Facts) -> str:
    """The text of a unit."""
    sections = {
        "Unit": _unit(service, facts),
        "Service": _service(service, facts),
        "Install": iter(
            [("WantedBy", "multi-user.target" if facts.site.is_root else "default.target")]
        ),
    }
    lines = [f"# Written by `nightmill service install {service.words}`, each time anew."]
    for section, entries in sections.items():
        known = [(k, v) for k, v in entries if facts.version >= _SINCE.get(k, 0)]
        lines += ["", f"[{section}]", *(f"{key}={value}" for key, value in known)]
    return "\n".join((*lines, ""))


def install(service: Service, facts: Facts) -> list[Step]:
    """What makes systemd run the unit that was written, now and at each start."""
    ctl = control(facts.site)
    name = f"{service.id}.service"
    steps = [
        Step((*ctl, "daemon-reload")),
        Step((*ctl, "enable", name)),
        # It says that it is ready only when its model is loaded.
        Step((*ctl, "restart", "--no-block", name)),
    ]
    if facts.site.is_root:
        make = ("mkdir", "-p", "-m", "700", str(facts.data_dir))
        steps.insert(0, Step(("runuser", "-u", facts.user, "--", *make)))
    else:
        # Without it all that a user runs ends when the user logs out.
        undone = "It ends when you log out, and begins when you log in"
        steps.append(Step(("loginctl", "enable-linger", facts.user), else_=undone))
    return steps


def uninstall(service_id: str, site: Site) -> list[Step]:
    """What makes systemd end the unit and forget it."""
    ctl = control(site)
    name = f"{service_id}.service"
    return [
        Step((*ctl, "disable", "--now", name)),
        Step(("rm", "-f", str(site.path(service_id)))),
        Step((*ctl, "daemon-reload")),
        # Only one that has failed is remembered, and can be forgotten.
        Step((*ctl, "reset-failed", name), else_=""),
    ]


def control(site: Site) -> tuple[str, ...]:
    """`systemctl` for units of the machine, or of the user."""
    return ("systemctl",) if site.is_root else ("systemctl", "--user")


def journal(service_id: str, site: Site, lines: int, *, follow: bool) -> tuple[str, ...]:
    """The command that shows what a unit has said."""
    unit_option = "--unit" if site.is_root else "--user-unit"
    return (
        *("journalctl", unit_option, f"{service_id}.service", "--lines", str(lines)),
        *("--no-pager", "--output", "short-iso"),
        *(("--follow",) if follow else ()),
    )


def _unit(service: Service, facts: Facts) -> Iterator[tuple[str, str]]:
    yield "Description", f"Nightmill: {service.about}"
    tunnels = [f"nightmill-tunnel-{name}.service" for name in service.after]
    if facts.site.is_root:
        yield "Wants", "network-online.target"
        tunnels.insert(0, "network-online.target")
    if tunnels:
        yield "After", " ".join(tunnels)
    # However often it ends, it is started again: a server may be away for a week.
    yield "StartLimitIntervalSec", "0"


def _service(service: Service, facts: Facts) -> Iterator[tuple[str, str]]:
    yield "Type", "notify"
    command = (_quoted(word).replace("$", "$$") for word in facts.command(service.arguments))
    yield "ExecStart", " ".join(command)
    if service.kind == "tunnel":
        yield "ExecReload", "/bin/kill -HUP $MAINPID"
        yield "WatchdogSec", str(WATCHDOG_S)
    if facts.site.is_root:
        yield "User", facts.user
    yield "WorkingDirectory", _escaped(str(facts.home))
    for name, value in facts.environment.items():
        yield "Environment", _quoted(f"{name}={value}")
    yield "Restart", "always"
    yield "RestartSec", "2" if facts.version >= _SINCE["RestartSteps"] else "5"
    yield "RestartSteps", "6"
    yield "RestartMaxDelaySec", "60"
    yield "TimeoutStartSec", str(START_S)
    yield "TimeoutStopSec", str(service.end_s)
    # It ends its children itself, the engine last; what is left then is killed.
    yield "KillMode", "mixed"
    yield "SuccessExitStatus", "130 143"
    yield "UMask", "0077"
    yield "NoNewPrivileges", "yes"
    if facts.site.is_root:
        yield from _confined(service, facts)


def _confined(service: Service, facts: Facts) -> Iterator[tuple[str, str]]:
    if service.is_open:
        # The command of `[notify]` is the user's and may write where it likes.
        return
    yield from _CONFINED.items()
    yield "ReadWritePaths", f"{_quoted(str(facts.data_dir))} /tmp /var/tmp"
    if service.kind not in {"worker", "up"}:
        # The others run no model, which may need a device for it.
        yield "PrivateDevices", "yes"


def _quoted(word: str) -> str:
    """A word as it stands in a list of them."""
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if escaped != word or " " in word or "'" in word else word


def unquoted(word: str) -> str:
    """The word that stands in a unit like this, by itself in its list."""
    if word.startswith('"'):
        word = re.sub(r"\\(.)", r"\1", word[1:-1])
    return word.replace("%%", "%")


def _escaped(text: str) -> str:
    """Text in which nothing is replaced."""
    return text.replace("%", "%%")
