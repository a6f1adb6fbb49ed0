"""Which host key a tunnel's server shows, which one is pinned, and pinning what was looked at."""

import asyncio
from collections.abc import Sequence
from functools import partial

import asyncssh
import msgspec

from jobs.errors import StoppedEarlyError, UsageError
from nightmill.dialling import Dialled
from tunnel import host_keys
from tunnel.control import Request
from tunnel.failures import TunnelError
from tunnel.names import Address
from tunnel.shown_keys import fetch


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
    address, [key] = _fetch(tunnel)
    return _shown(tunnel, address, key)


def pin(tunnel: Dialled, fingerprint: str) -> ShownKey:
    """Go by the key of this fingerprint from now on, if it is one of those that the server shows.

    A tunnel that runs tries again at once. Raises as `look` does, and `UsageError` where the server
    shows others.
    """
    address, keys = _fetch(tunnel, fingerprint)
    shown = _shown(tunnel, address, keys[-1])
    if fingerprint != shown.fingerprint:
        others = ", ".join(map(host_keys.fingerprint, keys))
        raise UsageError(
            f"{shown.server} shows {others}, not {fingerprint}: nothing was pinned. Somebody may"
            " stand in between; compare it on the server's own screen."
        )
    try:
        host_keys.pin(tunnel.known_hosts, tunnel.settings.addresses, keys[-1])
    except TunnelError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise StoppedEarlyError(
            f"{tunnel.known_hosts} cannot be written: {error.strerror}. Mend that, then give the"
            " same command again."
        ) from error
    tunnel.ask(Request(do="retry"))
    return msgspec.structs.replace(shown, is_trusted=True)


def _fetch(tunnel: Dialled, wanted: str | None = None) -> tuple[Address, list[asyncssh.SSHKey]]:
    try:
        return asyncio.run(fetch(tunnel.settings, partial(_pinned, tunnel), wanted))
    except TunnelError as error:
        raise StoppedEarlyError(str(error)) from error


def _shown(tunnel: Dialled, address: Address, key: asyncssh.SSHKey) -> ShownKey:
    shown = host_keys.fingerprint(key)
    known = tuple(map(host_keys.fingerprint, _pinned(tunnel, address)))
    return ShownKey(
        name=tunnel.name,
        server=str(address.server),
        algorithm=key.get_algorithm(),
        fingerprint=shown,
        pinned=known,
        is_trusted=shown in known,
    )


def _pinned(tunnel: Dialled, address: Address) -> Sequence[asyncssh.SSHKey]:
    try:
        return host_keys.pinned(tunnel.known_hosts, tunnel.name, address)[0]
    except TunnelError:
        return ()
