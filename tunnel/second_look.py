"""Whether the server permits more by now: what it permits is settled when a connection logs in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import ForwardState
from tunnel.backoff import look_s
from tunnel.failures import TunnelError
from tunnel.forward import Forward
from tunnel.names import Names
from tunnel.nudges import TICK_S
from tunnel.places import Places
from tunnel.traffic import Forwards
from tunnel.trying import connect


async def until_permitted(
    forwards: Forwards,
    look: Callable[[Sequence[Forward]], Awaitable[bool]],
    clock: Callable[[], float],
) -> None:
    """Wait until `look` finds that one of the forwards that are forbidden works by now.

    It is asked ever more seldom, and not at all while nothing is forbidden.
    """
    looks, since = 0, clock()
    while True:
        await asyncio.sleep(TICK_S)
        if not forwards.forbidden:
            looks, since = 0, clock()
        elif clock() - since >= look_s(looks):
            if await look(forwards.forbidden):
                return
            looks, since = looks + 1, clock()


async def works_anew(
    name: str, settings: TunnelSettings, places: Places, wanted: Sequence[Forward]
) -> bool:
    """Whether one of these forwards works on a connection of its own; the one in use goes on."""
    try:
        link = await connect(name, settings, places, Names(), lambda _state, _server: None)
    except TunnelError:
        # Its own failure is none of the connection that is there.
        return False
    forwards = Forwards(listens_here=False)
    try:
        await forwards.want(wanted)
        await forwards.attach(link.conn)
        await forwards.probe(settings.probe_s)
        return any(each.state is ForwardState.UP for each in forwards.reports())
    finally:
        forwards.detach()
        # Nobody waits for a server that falls silent now.
        link.cut()
        link.twin.close()
