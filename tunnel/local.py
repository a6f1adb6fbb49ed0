"""A forward that listens here.

Its socket stays bound while there is no connection, so that nobody else takes the port meanwhile;
who comes then is sent away at once.
"""

import asyncio
import contextlib
import errno
import socket
import stat
from pathlib import Path
from typing import cast

import asyncssh

from jobs.endpoints import Endpoint
from jobs.tunnels import Cause, ForwardState
from tunnel import reasons
from tunnel.holders import holder_of
from tunnel.line import Line
from tunnel.probing import Answer
from tunnel.relay import Relay
from tunnel.way import Way

_BACKLOG = 128


class LocalWay(Way):
    """Listens here, and leads to where the server sees it."""

    _server: asyncio.Server | None = None

    async def open(self, line: Line | None) -> None:
        """Bind it, unless it is; connections go over this line from now on."""
        self._line = line
        if self._server is None and not await self._bind():
            return
        if line is None:
            self._is_closed()
        elif self.state in (ForwardState.CLOSED, ForwardState.REFUSED):
            self._is_open()

    def detach(self) -> None:
        """The connection is gone; the socket stays."""
        super().detach()
        if self._server is not None:
            self._is_closed()

    async def stop(self) -> None:
        """Give the port back."""
        if self._server is not None:
            self._server.close()
            self._server = None
            _remove(self.forward.listen)
        self._is_closed()

    async def ask(self, line: Line, within_s: float) -> Answer:
        """Ask on a channel of its own: its failure has a reason, that of a connection has none."""
        forward, began = self.forward, self._clock()
        try:
            async with asyncio.timeout(within_s):
                trouble = await self._ask_there(line, forward.to)
        except TimeoutError:
            return Answer(None, reasons.no_answer(forward, within_s))
        except asyncssh.ChannelOpenError as error:
            is_forbidden = error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED
            return Answer(None, reasons.not_opened(forward, error), is_forbidden=is_forbidden)
        if trouble:
            return Answer(None, reasons.dead(forward, trouble))
        return Answer(self._clock() - began)

    async def _bind(self) -> bool:
        was_refused = self.state is ForwardState.REFUSED
        try:
            listening = _listening(self.forward.listen)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                self._is_refused(Cause.CONFIGURATION, reasons.not_bound(self.forward, error))
            elif not was_refused:
                # Looked up once: that goes through all processes.
                holder = await asyncio.to_thread(holder_of, self.forward.listen)
                self._is_refused(Cause.CONFIGURATION, reasons.taken_here(self.forward, holder))
            return False
        loop = asyncio.get_running_loop()
        # Ours before it is begun with: who is cancelled while that goes on leaves nothing behind.
        self._server = await loop.create_server(self._accept, sock=listening, start_serving=False)
        await self._server.start_serving()
        return True

    def _accept(self) -> asyncio.BaseProtocol:
        line = self._line
        if line is None:
            return _SentAway()
        relay = self._new_relay(line)
        relay.opening = asyncio.ensure_future(self._lead(relay, line))
        return relay.socket

    async def _lead(self, relay: Relay, line: Line) -> None:
        try:
            await line.open(self.forward.to, relay.channel)
        except asyncssh.ChannelOpenError:
            # The next probe says why.
            relay.cut()


class UnboundWay(LocalWay):
    """Leads there for questions only: a tunnel that runs listens here."""

    async def _bind(self) -> bool:
        return True


class _SentAway(asyncio.Protocol):
    """Who comes while there is no connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


def _listening(at: Endpoint) -> socket.socket:
    """A socket that listens there; raises `OSError`."""
    family = socket.AF_UNIX if at.path else socket.AF_INET6 if ":" in at.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if at.path:
            _bind_path(sock, Path(at.path))
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((at.host, at.port))
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove(listen: Endpoint) -> None:
    """Remove the file of a Unix socket."""
    if listen.path:
        Path(listen.path).unlink(missing_ok=True)


def _bind_path(sock: socket.socket, path: Path) -> None:
    """Bind a Unix socket for its owner alone, in the place of one that nobody listens at."""
    if _is_left_behind(path):
        path.unlink()
    sock.bind(str(path))
    # Nobody can connect before it listens.
    path.chmod(0o600)


def _is_left_behind(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(1)
            try:
                caller.connect(str(path))
            except ConnectionRefusedError:
                return True
    return False
