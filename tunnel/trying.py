"""One try to get a connection: all servers, until one lets us in."""

from collections.abc import Callable, Sequence

from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import Cause, TunnelState
from tunnel.dial import reach
from tunnel.failures import TunnelError
from tunnel.host_keys import read_pinned
from tunnel.login import Link, log_in
from tunnel.names import Names
from tunnel.own_key import own_key
from tunnel.places import Places

#: Of several servers that all failed, what counts: the more harm another try does, the further up.
_WORST_FIRST = (Cause.AUTHENTICATION, Cause.CONFIGURATION, Cause.HOST_KEY, Cause.LOST)
#: What a server may fail with that is none of ours; our own one checks the user later than that.
_STRANGE = frozenset({Cause.CONFIGURATION, Cause.HOST_KEY})


async def connect(
    name: str,
    settings: TunnelSettings,
    places: Places,
    names: Names,
    on_state: Callable[[TunnelState, str], None],
    *,
    on_bytes: Callable[[], None] = lambda: None,
) -> Link:
    """Get a connection to the first server that takes us; `on_state` hears how far it is.

    `on_bytes` is called whenever something comes from the server, also later on.

    Raises:
        TunnelError: none did; it says why, by what would do most harm if tried again soon.
    """
    known_hosts_file = places.known_hosts_file(name, settings)
    # Before anything is sent: what is wrong here costs the server nothing.
    read_pinned(known_hosts_file, name, settings.addresses[0])
    async with own_key(places.key_file(settings), places.agent) as keys:
        left, failures = list(settings.addresses), list[TunnelError]()
        while left:
            on_state(TunnelState.RESOLVING, str(left[0]))
            try:
                reached = await reach(
                    left,
                    names,
                    settings.connect_s,
                    lambda server: on_state(TunnelState.CONNECTING, str(server)),
                )
            except TunnelError as failure:
                failures.append(failure)
                break
            server = reached.address.server
            on_state(TunnelState.AUTHENTICATING, str(server))
            try:
                return await log_in(
                    reached, name, settings, known_hosts_file, keys, on_bytes=on_bytes
                )
            except TunnelError as failure:
                failure.server = str(server)
                failures.append(failure)
                left.remove(server)
    raise verdict(failures)


def verdict(failures: Sequence[TunnelError]) -> TunnelError:
    """What all servers together come to, by what would do most harm if tried again soon.

    One that shows another key, or agrees on no way, may be a stranger who has that address in the
    network of now. That halts nothing while a server is left that may let us in later.
    """
    worst = min(failures, key=_harm)
    if worst.cause not in _STRANGE or all(each.cause in _STRANGE for each in failures):
        return worst
    # Not as often as what is not reached: the stranger is asked, too.
    return TunnelError(Cause.LOST, " ".join(str(each) for each in failures))


async def faults(name: str, settings: TunnelSettings, places: Places) -> tuple[str, ...]:
    """What is to be corrected on this machine before it is worth a try, one sentence each."""
    found = []
    try:
        read_pinned(places.known_hosts_file(name, settings), name, settings.addresses[0])
    except TunnelError as failure:
        found.append(str(failure))
    try:
        async with own_key(places.key_file(settings), places.agent):
            pass
    except TunnelError as failure:
        found.append(str(failure))
    return tuple(found)


def _harm(failure: TunnelError) -> int:
    causes = _WORST_FIRST
    return causes.index(failure.cause) if failure.cause in causes else len(causes)
