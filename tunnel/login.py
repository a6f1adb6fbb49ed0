"""From a server that took the connection to one that is logged in."""

import asyncio
import getpass
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import asyncssh

from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import Cause
from tunnel import host_keys
from tunnel.dial import Reached
from tunnel.failures import TunnelError, ended, translated
from tunnel.heard import HeardSocket
from tunnel.line import CIPHERS
from tunnel.names import Address

#: While a connection is in question: how often it is asked, and what is not answered for so many
#: times is dead. Anything that comes counts as an answer.
_ASK_EVERY_S, _ASK_TIMES = 0.75, 3
#: Kinds of host keys that are asked for after those that are pinned: a server that has no pinned
#: one any more shows what it has instead, and both can be told.
_OTHER_KINDS = "+ssh-ed25519,ecdsa-sha2-*,rsa-sha2-*"


class Link:
    """A connection that is logged in."""

    def __init__(
        self,
        conn: asyncssh.SSHClientConnection,
        address: Address,
        twin: socket.socket,
        lost: asyncio.Future[TunnelError],
    ) -> None:
        self.conn = conn
        self.address = address
        #: The same socket, which stays open when asyncssh closes its own.
        self.twin = twin
        #: Done with the reason when it is there no more.
        self.lost = lost
        self._is_doubted = False

    def keep_alive(self, settings: TunnelSettings) -> None:
        """Let the server be asked after so much silence."""
        self._is_doubted = False
        self.conn.set_keepalive(settings.keepalive_s, settings.keepalive_count)

    def doubt(self) -> None:
        """Ask the server itself, again and again: one that is silent for three seconds is lost."""
        if not self._is_doubted:
            self._is_doubted = True
            self.conn.set_keepalive(_ASK_EVERY_S, _ASK_TIMES)

    def cut(self) -> None:
        """End it at once, without a word; on the wire it lives on for as long as its twin does."""
        self.conn.abort()

    async def close(self) -> None:
        """Say goodbye, so that the server knows at once."""
        self.conn.close()
        await self.conn.wait_closed()
        self.twin.close()


async def log_in(
    reached: Reached,
    name: str,
    settings: TunnelSettings,
    known_hosts_file: Path,
    keys: Sequence[asyncssh.SSHKeyPair],
    *,
    on_bytes: Callable[[], None],
) -> Link:
    """Log in at a server that was reached; its socket is ours to close from here on.

    `on_bytes` is called whenever something came from the server, for as long as it is connected.

    Raises:
        TunnelError: it did not work out; the message says what helps.
    """
    server = reached.address.server
    sock = HeardSocket.instead_of(reached.socket, on_bytes)
    client = _Client(asyncio.get_running_loop().create_future())
    with ExitStack() as unless_logged_in:
        unless_logged_in.callback(sock.close)
        known = host_keys.pinned(known_hosts_file, name, reached.address)
        twin = sock.dup()
        unless_logged_in.callback(twin.close)
        try:
            _require_user_name()
            with translated(server, settings.user):
                conn = await _connect(reached._replace(socket=sock), settings, keys, known, client)
        except TunnelError as failure:
            if failure.cause is Cause.HOST_KEY and client.shown is not None:
                raise host_keys.changed(name, server, known, client.shown) from failure
            raise
        unless_logged_in.pop_all()
    return Link(conn, reached.address, twin, client.lost)


async def _connect(
    reached: Reached,
    settings: TunnelSettings,
    keys: Sequence[asyncssh.SSHKeyPair],
    known: host_keys.KnownHosts,
    client: "_Client",
) -> asyncssh.SSHClientConnection:
    # Its own limit counts from the first byte on; ours holds whatever it waits for.
    async with asyncio.timeout(settings.login_s):
        return await asyncssh.connect(
            # It would ask the socket, which knows no longer once it was reset.
            reached.address.host,
            reached.address.server.port,
            sock=reached.socket,
            config=None,
            client_factory=lambda: client,
            username=settings.user,
            client_keys=keys,
            known_hosts=known,
            server_host_key_algs=_OTHER_KINDS,
            # Else whoever is in the user's `ca-bundle.crt` could vouch for another key.
            x509_trusted_certs=None,
            agent_path=None,
            preferred_auth="publickey",
            gss_kex=False,
            gss_auth=False,
            encryption_algs=CIPHERS,
            login_timeout=settings.login_s,
            keepalive_interval=settings.keepalive_s,
            keepalive_count_max=settings.keepalive_count,
        )


def _require_user_name() -> None:
    """Notice what asyncssh would stumble over: it asks for the user's name, and needs it not."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        raise TunnelError(
            Cause.CONFIGURATION,
            f"The user {os.getuid()}, as which this runs, has no name: set LOGNAME=nightmill for "
            "it, in the unit or the container.",
        ) from None


class _Client(asyncssh.SSHClient):
    """Hears of what becomes of the connection."""

    def __init__(self, lost: asyncio.Future[TunnelError]) -> None:
        self.lost = lost
        #: The host key that was shown and is not the pinned one.
        self.shown: asyncssh.SSHKey | None = None

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002
        addr: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        key: asyncssh.SSHKey,
    ) -> bool:
        """It is none of those that were pinned: never taken by itself."""
        self.shown = key
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is there no more."""
        if not self.lost.done():
            self.lost.set_result(ended(exc))
