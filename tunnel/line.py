"""One connection to the server, and the channels on it: opened so that none is left behind."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncssh

from jobs.endpoints import Endpoint
from tunnel.heard import Heard

#: Ciphers that are asked for first: processors have them built in, which saves a third of our work.
CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"


class Session(asyncssh.SSHTCPSession[bytes], asyncssh.SSHUNIXSession[bytes]):
    """What speaks on a channel, to a port or to a Unix socket: both alike."""

    def __init__(self, line: "Line") -> None:
        self._line = line
        self._is_given_up = False

    def connection_made(self, chan: Any) -> None:
        """The channel is open."""
        self._line.sessions.add(self)
        if self._is_given_up:
            chan.abort()

    def data_received(self, data: bytes, datatype: int | None = None) -> None:  # noqa: ARG002
        """Something came."""
        self._line.heard.note()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The channel is closed."""
        self._line.sessions.discard(self)

    def give_up(self) -> None:
        """Close the channel as soon as there is one."""
        self._is_given_up = True


class Line:
    """A connection that is logged in."""

    def __init__(self, conn: asyncssh.SSHClientConnection, heard: Heard) -> None:
        self.conn = conn
        self.heard = heard
        #: Those with an open channel; they come and go by themselves.
        self.sessions = set[Session]()
        self._opening = dict[Session, asyncio.Task[None]]()

    @property
    def channels(self) -> int:
        """Channels that are open, or were asked for."""
        return len(self.sessions) + len(self._opening)

    async def open(self, to: Endpoint, session: Session) -> None:
        """Lead a session to where the server sees `to`.

        SSH knows no way to take a question back: when whoever waits here is cancelled, the server
        goes on, and the channel is closed once it is open.

        Raises `asyncssh.ChannelOpenError` where the server cannot, or must not.
        """
        opening = asyncio.create_task(self._open(to, session))
        self._opening[session] = opening
        opening.add_done_callback(lambda _: self._opened(session, opening))
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            session.give_up()
            raise

    async def answered(self, session: Session) -> None:
        """Wait until the server has answered the question for this session, if one is left."""
        if session in self._opening:
            await asyncio.wait([self._opening[session]])

    async def _open(self, to: Endpoint, session: Session) -> None:
        if to.path:
            await self.conn.create_unix_connection(lambda: session, to.path)
        else:
            await self.conn.create_connection(lambda: session, to.host, to.port)

    def _opened(self, session: Session, opening: asyncio.Task[None]) -> None:
        del self._opening[session]
        if opening.cancelled():
            return
        # Looked at also where nobody is left who waits for it. A refusal is a sign of life, too.
        error = opening.exception()
        if error is None or (
            isinstance(error, asyncssh.ChannelOpenError) and not self.conn.is_closed()
        ):
            self.heard.note()

    async def listen(self, at: Endpoint, accept: Callable[..., Any]) -> asyncssh.SSHListener:
        """Let the server listen; `accept` makes a session for each connection there.

        Raises `asyncssh.ChannelListenError` where it does not; SSH has no words for why.
        """
        if at.path:
            return await self.conn.create_unix_server(accept, at.path)
        return await self.conn.create_server(lambda _host, _port: accept(), at.host, at.port)
