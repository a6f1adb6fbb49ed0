"""What a server permits, found out by asking it through a connection of our own."""

import asyncio
from collections.abc import Sequence

import asyncssh
import msgspec

from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import ForwardReport, ForwardState, TunnelReport
from tunnel.failures import TunnelError
from tunnel.forward import Forward, forwards_of
from tunnel.login import Link
from tunnel.names import Names
from tunnel.places import Places
from tunnel.server_side import SshdVersion
from tunnel.traffic import Forwards
from tunnel.trying import connect

#: Seconds that the answer to one question may take.
PATIENCE_S = 10.0


class Permitted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a visit to the server."""

    #: The address that took us; empty where none did.
    server: str
    #: Why none did; empty where one did.
    failure: str = ""
    sshd: SshdVersion | None = None
    #: Forwards, each tried once on this connection.
    forwards: tuple[ForwardReport, ...] = ()
    #: What we may do there though no tunnel needs it, one sentence each.
    excess: tuple[str, ...] = ()


async def visit(
    name: str, settings: TunnelSettings, places: Places, running: TunnelReport | None
) -> Permitted:
    """Log in, try the forwards, and what should not be possible.

    A tunnel that runs keeps its ports: what it has on the server is not tried.
    """
    forwards = Forwards(listens_here=running is None)
    try:
        # What listens here can be tried without any server.
        await forwards.want(_to_try(forwards_of(settings), running))
        try:
            link = await connect(name, settings, places, Names(), lambda _state, _server: None)
        except TunnelError as failure:
            return Permitted(server="", failure=str(failure), forwards=forwards.reports())
        try:
            return await _look_around(link, settings, forwards)
        finally:
            forwards.detach()
            await link.close()
    finally:
        await forwards.close()


def _to_try(wanted: Sequence[Forward], running: TunnelReport | None) -> list[Forward]:
    if running is None:
        return list(wanted)
    refused = {each.listen for each in running.forwards if each.state is ForwardState.REFUSED}
    return [
        each for each in wanted if (each.direction == "remote") == (str(each.listen) in refused)
    ]


async def _look_around(link: Link, settings: TunnelSettings, forwards: Forwards) -> Permitted:
    await forwards.attach(link.conn)
    await forwards.probe(settings.probe_s)
    greeting = str(link.conn.get_extra_info("server_version", ""))
    return Permitted(
        server=str(link.address.server),
        sshd=SshdVersion.parse(greeting),
        forwards=forwards.reports(),
        excess=await _excess(link.conn),
    )


async def _excess(conn: asyncssh.SSHClientConnection) -> tuple[str, ...]:
    may = {
        "The key may run any program on the server.": await _may_run(conn),
        "The key may listen at any port of the server.": await _may_listen(conn),
    }
    return tuple(sentence for sentence, is_so in may.items() if is_so)


async def _may_run(conn: asyncssh.SSHClientConnection) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S):
            ended = await conn.run(f"exit {_EXIT}", stdin=asyncssh.DEVNULL)
    except _REFUSALS:
        return False
    return ended.exit_status == _EXIT


async def _may_listen(conn: asyncssh.SSHClientConnection) -> bool:
    def refuse(_host: str, _port: int) -> bool:
        return False

    try:
        async with asyncio.timeout(PATIENCE_S):
            listener = await conn.create_server(refuse, "127.0.0.1", 0)
    except _REFUSALS:
        return False
    listener.close()
    return True


_EXIT = 42
#: A time-out is an OSError, too.
_REFUSALS = (OSError, asyncssh.Error, asyncssh.ChannelListenError)
