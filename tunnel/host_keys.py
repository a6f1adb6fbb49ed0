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

    Lines for other servers stay, and those about revoked keys.

    Raises:
        OSError: the file cannot be written.
        TunnelError: it cannot be read, or has a pattern by which the server is known, too.
    """
    names = [_pattern(server) for server in servers]
    algorithm_and_key = key.export_public_key().decode().split()[:2]
    try:
        kept = _without(file.read_text(), names) if file.exists() else []
        lines = [*kept, " ".join([",".join(names), *algorithm_and_key])]
        text = "".join(f"{line}\n" for line in lines)
        _require_only(key, names, text, file)
    except ValueError as error:
        raise TunnelError(Cause.CONFIGURATION, _NONSENSE.format(file, error)) from None
    if not file.parent.exists():
        make_private(file.parent)
    new = file.with_name(f"{file.name}.new")
    new.touch(mode=0o600)
    new.write_text(text)
    sync_path(new)
    new.replace(file)


def _without(text: str, names: list[str]) -> list[str]:
    return [left for line in text.splitlines() if (left := _less(line, names)) is not None]


def _less(line: str, names: list[str]) -> str | None:
    """A line without these names; None where it has no others."""
    words = line.split(None, 2)
    if not words or words[0].startswith(("#", "@revoked")):
        return line
    at = 1 if words[0].startswith("@") else 0
    hosts = words[at] if at < len(words) else ""
    if hosts.startswith("|"):
        # A hash stands for one name.
        known = asyncssh.import_known_hosts(line)
        return None if any(any(_by_name(known, name)) for name in names) else line
    left = [host for host in hosts.split(",") if host not in names]
    words[at : at + 1] = [",".join(left)]
    return " ".join(words) if left else None


def _require_only(key: asyncssh.SSHKey, names: list[str], text: str, file: Path) -> None:
    """Notice what else vouches for a server: to take it away could cut off others."""
    known = asyncssh.import_known_hosts(text)
    for name in names:
        keys, authorities, _, certificates, _, subjects, _ = _by_name(known, name)
        if {*keys} != {key} or authorities or certificates or subjects:
            raise TunnelError(Cause.CONFIGURATION, _PATTERN.format(file, name))


def _by_name(known: asyncssh.SSHKnownHosts, name: str) -> KnownHosts:
    """What is known by a name as it is written there, and not by that without its port."""
    return known.match(name, "", None)


def _pattern(server: Endpoint) -> str:
    return server.host if server.port == SSH_PORT else f"[{server.host}]:{server.port}"


_NOTHING = (
    "No host key of {} is pinned in {}. Look at the one it shows, and pin it: `nightmill tunnel "
    "trust {}`."
)
_UNREADABLE = (
    "{} cannot be read: {}. Correct that, or remove the file and pin the server's key again: "
    "`nightmill tunnel trust {}`."
)
_NONSENSE = "{} cannot be read: {}. Correct or remove that line; nothing was pinned."
_PATTERN = (
    "{} has a line with a pattern that vouches for {}, too. Remove that line, or keep it from this "
    "server with a `!` before its name; nothing was pinned."
)
