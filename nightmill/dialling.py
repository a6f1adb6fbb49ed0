"""The tunnel that a command is about: its settings, its files and its socket on this machine."""

from pathlib import Path

import msgspec

from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.settings_tunnel import TunnelSettings
from nightmill.configured import ssh_agent
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.sockets import short_folders, tunnel_socket
from tunnel.control import Answer, Request, ask
from tunnel.places import Places


class Dialled(msgspec.Struct, frozen=True, kw_only=True):
    """One configured tunnel."""

    name: str
    settings: TunnelSettings
    places: Places
    #: Where it can be asked while it runs.
    socket: Path

    @property
    def known_hosts(self) -> Path:
        """The file in which the server's host key is pinned."""
        return self.places.known_hosts_file(self.name, self.settings)

    def ask(self, request: Request) -> Answer | None:
        """What it says; None where it does not run. Raises `UsageError` where it does not answer
        or may not be asked.
        """
        try:
            return ask(self.socket, request)
        except OSError as error:
            raise UsageError(
                f"Tunnel {self.name} does not answer at {self.socket}: {error.strerror or error}."
                " Is it another user's, or stopped? Start it again."
            ) from error


def dialled(settings: Settings, name: str | None) -> Dialled:
    """The tunnel of this name; without one the only one there is. `UsageError` where it is not."""
    name = _only(settings) if name is None else name
    if name not in settings.tunnel:
        raise UsageError(f"There is no tunnel {name}. {_configured(settings)}")
    data_dir = DataDir(settings.data_dir)
    return Dialled(
        name=name,
        settings=settings.tunnel[name],
        places=Places(data_dir=data_dir.path, home=Path.home(), agent=ssh_agent()),
        socket=tunnel_socket(data_dir, name, short_folders()),
    )


def _only(settings: Settings) -> str:
    if len(settings.tunnel) != 1:
        raise UsageError(f"Which tunnel? {_configured(settings)}")
    return next(iter(settings.tunnel))


def _configured(settings: Settings) -> str:
    if not settings.tunnel:
        return (
            "None is configured: write one as `[tunnel.home]` in your own nightmill.toml, as"
            " docs/tunnel.md shows."
        )
    return f"Configured are: {', '.join(settings.tunnel)}."
