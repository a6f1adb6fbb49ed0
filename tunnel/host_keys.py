"""Host keys: what was pinned for a server, and pinning what somebody looked at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh

from jobs.disk import sync_path
from jobs.endpoints import Endpoint
from jobs.folders import make_private
from jobs.settings_tunnel import SSH_PORT
from jobs.tunnels import Cause
from tunnel.failures import TunnelError
from tunnel.names import Address

#: As asyncssh takes it: keys, authorities and revoked keys, and the same of X.509.
KnownHosts = tuple[Sequence[Any], ...]


def pinned(file: Path, name: str, address: Address) -> KnownHosts:
    """The keys by which a server is known, at the address at which it was reached.

    Raises:
        TunnelError: the file is missing or cannot be read, or has no key for this server.
    """
    server = address.server
    hosts = read_pinned(file, name, server)
    port = None if server.port == SSH_PORT else server.port
    # An address in the place of a name matches twice.
    found = hosts.match(server.host, address.host, port)
    known: KnownHosts = tuple(tuple(dict.fromkeys(each)) for each in found)
    if not (known[0] or known[1]):
        raise TunnelError(Cause.CONFIGURATION, _NOTHING.format(server, file, name))
    return known


def read_pinned(file: Path, name: str, server: Endpoint) -> asyncssh.SSHKnownHosts:
    """All that is pinned in a file.

    Raises:
        TunnelError: it is missing or cannot be read; the message speaks of this server.
    """
    try:
        return asyncssh.read_known_hosts(str(file))
    except FileNotFoundError:
        raise TunnelError(Cause.CONFIGURATION, _NOTHING.format(server, file, name)) from None
    except (OSError, ValueError) as error:
        raise TunnelError(Cause.CONFIGURATION, _UNREADABLE.format(file, error, name)) from None


def changed(name: str, server: Endpoint, known: KnownHosts, shown: asyncssh.SSHKey) -> TunnelError:
    """What to say where a server shows another key than the one that was pinned."""
    old = ", ".join(fingerprint(key) for key in known[0]) or "one of a certificate authority"
    return TunnelError(
        Cause.HOST_KEY,
        f"{server} shows another host key than before: {fingerprint(shown)}; pinned: {old}. "
        "Somebody may stand in between. Only if the server was set up anew: "
        f"`nightmill tunnel trust {name} --fingerprint {fingerprint(shown)}`.",
    )


def fingerprint(key: asyncssh.SSHKey) -> str:
    """The fingerprint as `ssh-keygen -l` shows it: `SHA256:…`."""
    return key.get_fingerprint()


def pin(file: Path, servers: Sequence[Endpoint], key: asyncssh.SSHKey) -> None:
    """Make a key the only one by which a server is known, at all of its addresses.

    Lines for other servers stay. Raises `OSError` where the file cannot be written.
    """
    ours = [_pattern(server) for server in servers]
    kept = _without(file.read_text(), ours) if file.exists() else []
    algorithm_and_key = key.export_public_key().decode().split()[:2]
    lines = [*kept, " ".join([",".join(ours), *algorithm_and_key])]
    if not file.parent.exists():
        make_private(file.parent)
    new = file.with_name(f"{file.name}.new")
    new.touch(mode=0o600)
    new.write_text("".join(f"{line}\n" for line in lines))
    sync_path(new)
    new.replace(file)


def _without(text: str, patterns: list[str]) -> list[str]:
    kept = []
    for line in text.splitlines():
        hosts, _, rest = line.partition(" ")
        left = [host for host in hosts.split(",") if host not in patterns]
        if left or not hosts:
            kept.append(" ".join(filter(None, [",".join(left), rest])))
    return kept


def _pattern(server: Endpoint) -> str:
    return server.host if server.port == SSH_PORT else f"[{server.host}]:{server.port}"


_NOTHING = (
    "No host key of {} is pinned in {}. Look at the one it shows, and pin it: `nightmill tunnel "
    "trust {}`."
)
_UNREADABLE = "{} cannot be read: {}. Pin the server's key again: `nightmill tunnel trust {}`."
