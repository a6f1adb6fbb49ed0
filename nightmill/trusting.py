"""Which host key a tunnel's server shows, which one is pinned, and pinning what was looked at."""

import asyncio

import asyncssh
import msgspec

from jobs.errors import StoppedEarlyError, UsageError
from nightmill.dialling import Dialled
from tunnel import host_keys
from tunnel.control import Request
from tunnel.failures import TunnelError
from tunnel.names import Address


class ShownKey(msgspec.Struct, frozen=True, kw_only=True):
    """The host key of a server; the fields are those of `nightmill tunnel trust --json`."""

    name: str
    #: The address at which it was asked for.
    server: str
    #: `ssh-ed25519` and the like.
    algorithm: str
    #: What it shows now.
    fingerprint: str
    #: What was pinned before.
    pinned: tuple[str, ...]
    #: Whether what it shows is what is pinned now.
    is_trusted: bool


def look(tunnel: Dialled) -> ShownKey:
    """Ask the server; nothing is changed. Raises `StoppedEarlyError` where it cannot be reached."""
    return _shown(tunnel, *_fetch(tunnel))


def pin(tunnel: Dialled, fingerprint: str) -> ShownKey:
    """Go by the key that the server shows from now on, if it has this fingerprint.

    A tunnel that runs tries again at once. Raises as `look` does, and `UsageError` where the server
    shows another key.
    """
    address, key = _fetch(tunnel)
    shown = _shown(tunnel, address, key)
    if fingerprint != shown.fingerprint:
        raise UsageError(
            f"{shown.server} shows {shown.fingerprint}, not {fingerprint}: nothing was pinned. Somebody"
            " may stand in between; compare it on the server's own screen."
        )
    try:
        host_keys.pin(tunnel.known_hosts, tunnel.settings.addresses, key)
    except OSError as error:
        raise StoppedEarlyError(
            f"{tunnel.known_hosts} cannot be written: {error.strerror}. Mend that, then give the"
            " same command again."
        ) from error
    tunnel.ask(Request(do="retry"))
    return msgspec.structs.replace(shown, is_trusted=True)


def _fetch(tunnel: Dialled) -> tuple[Address, asyncssh.SSHKey]:
    try:
        return asyncio.run(host_keys.fetch(tunnel.settings))
    except TunnelError as error:
        raise StoppedEarlyError(str(error)) from error


def _shown(tunnel: Dialled, address: Address, key: asyncssh.SSHKey) -> ShownKey:
    shown, known = host_keys.fingerprint(key), _pinned(tunnel, address)
    return ShownKey(
        name=tunnel.name,
        server=str(address.server),
        algorithm=key.get_algorithm(),
        fingerprint=shown,
        pinned=known,
        is_trusted=shown in known,
    )


def _pinned(tunnel: Dialled, address: Address) -> tuple[str, ...]:
    try:
        known = host_keys.pinned(tunnel.known_hosts, tunnel.name, address)
    except TunnelError:
        return ()
    # The name and the address of a server may both be there.
    return tuple(dict.fromkeys(host_keys.fingerprint(key) for key in known[0]))
