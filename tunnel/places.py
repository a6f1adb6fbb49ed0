"""Where the files of tunnels lie on this machine."""

from dataclasses import dataclass
from pathlib import Path

from jobs.settings_tunnel import TunnelSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """What a tunnel takes from its machine, found by whoever starts it."""

    data_dir: Path
    #: The home of the user it runs as.
    home: Path
    #: The socket of the user's SSH agent; None where there is none.
    agent: Path | None = None

    def key_file(self, settings: TunnelSettings) -> Path:
        """The private key."""
        return settings.key_file or self.home / ".ssh" / "id_ed25519"

    def known_hosts_file(self, name: str, settings: TunnelSettings) -> Path:
        """The file in which the server's host key is pinned."""
        return settings.known_hosts_file or self.folder / f"{name}.known_hosts"

    @property
    def folder(self) -> Path:
        """What belongs to tunnels alone: pinned keys and the sockets by which they are asked."""
        return self.data_dir / "tunnel"

    def stamp(self, name: str, settings: TunnelSettings) -> tuple[object, ...]:
        """Another value as soon as one of its files is another one."""
        key = self.key_file(settings)
        files = (key, key.with_name(f"{key.name}.pub"), self.known_hosts_file(name, settings))
        return tuple(map(_stamp, files))


def _stamp(file: Path) -> object:
    try:
        found = file.stat()
    except OSError as error:
        return error.errno
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode
