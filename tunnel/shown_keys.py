"""The host keys that a server shows, without a login, by the kind that it is asked for."""

import asyncio
from collections.abc import Callable, Sequence

import asyncssh

from jobs.settings_tunnel import TunnelSettings
from tunnel.dial import Reached, connect, reach
from tunnel.failures import translated
from tunnel.host_keys import fingerprint
from tunnel.names import Address, Names

#: The kinds of keys in the order in which `ssh` asks for them, so that both show the same one.
_AS_SSH_ASKS = (
    "ssh-ed25519",
    *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
)


async def fetch(
    settings: TunnelSettings,
    pinned: Callable[[Address], Sequence[asyncssh.SSHKey]],
    wanted: str | None = None,
) -> tuple[Address, list[asyncssh.SSHKey]]:
    """What the first of its addresses that answers shows now: one key at least.

    It is asked for the kinds of keys that are `pinned` there before others; with the fingerprint of
    a `wanted` key, for one kind after the other until it shows that one, which then is the last.

    Raises:
        TunnelError: it cannot be reached, or broke off.
    """
    reached = await reach(settings.addresses, Names(), settings.connect_s)
    address, shown = reached.address, list[asyncssh.SSHKey]()
    first = _kinds_of(pinned(address))
    kinds = _last(lambda kind: kind not in first, _AS_SSH_ASKS)
    while (key := await _shown(reached, kinds, settings)) not in shown:
        shown.append(key)
        if wanted in {None, fingerprint(key)}:
            break
        # A connection shows one key. It may show this one again, and then has no others: asked for
        # none that it has, it would hang up, which says nothing.
        kinds = _last(_kinds_of([key]).__contains__, kinds)
        reached = await connect(address, settings.connect_s)
    return address, shown


async def _shown(
    reached: Reached, kinds: Sequence[str], settings: TunnelSettings
) -> asyncssh.SSHKey:
    """Its key of the first of these kinds that it has."""
    with reached.socket, translated(reached.address.server, settings.user):
        async with asyncio.timeout(settings.login_s):
            key = await asyncssh.get_server_host_key(
                sock=reached.socket, config=None, server_host_key_algs=kinds
            )
        if key is None:
            raise ValueError("it shows no host key")
    return key


def _last(is_last: Callable[[str], bool], kinds: Sequence[str]) -> list[str]:
    """In the same order but for those that come last."""
    return sorted(kinds, key=is_last)


def _kinds_of(keys: Sequence[asyncssh.SSHKey]) -> set[str]:
    """As what they are asked for: one of RSA by more than one name."""
    return {kind.decode() for key in keys for kind in key.sig_algorithms}
