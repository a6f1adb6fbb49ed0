"""The same tunnel by plain `ssh`, for people who want no process of ours."""

from collections.abc import Iterator

from jobs.endpoints import Endpoint
from jobs.settings_tunnel import TunnelSettings
from tunnel.forward import Forward, forwards_of
from tunnel.places import Places


def ssh_command(name: str, settings: TunnelSettings, places: Places, server: Endpoint) -> list[str]:
    """The command that does once what the tunnel does again and again, to one of its servers."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": f"{max(1, round(settings.connect_s))}",
        "ExitOnForwardFailure": "yes",
        "ForwardAgent": "no",
        "IdentitiesOnly": "yes",
        "ServerAliveCountMax": str(settings.keepalive_count),
        "ServerAliveInterval": f"{max(1, round(settings.keepalive_s))}",
        "StreamLocalBindUnlink": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _quoted(str(places.known_hosts_file(name, settings))),
    }
    return [
        *("ssh", "-N", "-T", "-F", "none"),
        *("-i", str(places.key_file(settings)), "-p", str(server.port)),
        *(word for key, value in options.items() for word in ("-o", f"{key}={value}")),
        *(word for forward in forwards_of(settings) for word in _forwarded(forward)),
        f"{settings.user}@{server.host}",
    ]


def _quoted(path: str) -> str:
    # It may be a list with words in it that ssh puts something in the place of.
    return f'"{path.replace("%", "%%")}"'


def _forwarded(forward: Forward) -> Iterator[str]:
    yield "-L" if forward.direction == "local" else "-R"
    yield f"{forward.listen}:{forward.to}"
