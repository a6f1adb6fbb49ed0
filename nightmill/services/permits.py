"""What the server of a tunnel has to permit, as far as it is known here."""

from pathlib import Path

from jobs.settings import Settings
from tunnel.failures import TunnelError
from tunnel.own_key import public_key
from tunnel.places import Places
from tunnel.server_side import NO_KEY, USUAL, SshdVersion, server_part


def permits(settings: Settings, name: str, home: Path, sshd: SshdVersion = USUAL) -> str:
    """The commands for the server of a tunnel, with our public key where there is one."""
    tunnel = settings.tunnel[name]
    places = Places(data_dir=settings.data_dir, home=home)
    try:
        key = public_key(places.key_file(tunnel)).export_public_key().decode()
    except TunnelError as error:
        return f"# {error}\n{server_part(name, tunnel, NO_KEY, sshd)}"
    return server_part(name, tunnel, key, sshd)
