"""A forward that listens on the server."""

import asyncio
import contextlib
import os

import asyncssh

from jobs.tunnels import Cause
from tunnel import reasons
from tunnel.line import Line
from tunnel.probing import Answer, Talk, converse
from tunnel.way import Way

#: Seconds for a question to the server that is no probe, and for reaching what is here.
_PATIENCE_S = 5.0


class RemoteWay(Way):
    """Listens on the server, and leads to something here."""

    _listener: asyncssh.SSHListener | None = None
    #: The connection on which the server let us ask there at least once.
    _let_us_ask: Line | None = None

    async def open(self, line: Line | None) -> None:
        """Let the server listen, unless it does."""
        self._line = line
        if line is None:
            self._listener = None
            self._is_closed()
            return
        if self._listener is not None:
            return
        try:
            listener = await line.listen(self.forward.listen, lambda: self._accept(line))
        except asyncssh.ChannelListenError:
            cause, reason, is_forbidden = await self._why_not(line)
            if self._line is line:
                self._is_refused(cause, reason, is_forbidden=is_forbidden)
            return
        if self._line is line:
            self._listener = listener
            self._is_open()

    def detach(self) -> None:
        """The connection is gone, and the server listens no more."""
        super().detach()
        self._listener = None
        self._is_closed()

    async def stop(self) -> None:
        """Let the server listen no more."""
        listener, self._listener = self._listener, None
        self._is_closed()
        if listener is not None:
            listener.close()
            # A server that does not answer is none to wait for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await listener.wait_closed()

    async def ask(self, line: Line, within_s: float) -> Answer:
        """Ask from the server's side: through the connection to there, and back the usual way."""
        listen, began = self.forward.listen, self._clock()
        try:
            async with asyncio.timeout(within_s):
                try:
                    trouble, remark = await self._ask_there(line, listen), ""
                    self._let_us_ask = line
                except asyncssh.ChannelOpenError as error:
                    if self._is_gone(line, error):
                        return Answer(None, reasons.gone_there(listen), Cause.PORT_HELD)
                    trouble, remark = await self._ask_here(), reasons.not_asked(listen)
        except TimeoutError:
            return Answer(None, reasons.no_answer(self.forward, within_s))
        if trouble:
            return Answer(None, reasons.dead(self.forward, trouble))
        return Answer(self._clock() - began, remark)

    def _is_gone(self, line: Line, error: asyncssh.ChannelOpenError) -> bool:
        """Whether nobody listens there any more.

        Of a path that it must not open, sshd says the same: what it did open once, it may.
        """
        is_known = not self.forward.listen.path or self._let_us_ask is line
        return is_known and error.code == asyncssh.OPEN_CONNECT_FAILED

    async def _ask_here(self) -> str:
        to = self.forward.to
        try:
            if to.path:
                reader, writer = await asyncio.open_unix_connection(to.path)
            else:
                reader, writer = await asyncio.open_connection(to.host, to.port)
        except OSError as error:
            return f"does not answer ({_words(error)})"
        try:
            return await converse(self.forward.probe, to, reader, writer.write)
        except OSError as error:
            return f"breaks the connection ({_words(error)})"
        finally:
            writer.transport.abort()

    async def _accept(self, line: Line) -> asyncssh.SSHTCPSession[bytes]:
        """The session for a connection that came on the server."""
        if self._line is not line:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "closed")
        relay = self._new_relay(line)
        to, loop = self.forward.to, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if to.path:
                    await loop.create_unix_connection(lambda: relay.socket, to.path)
                else:
                    await loop.create_connection(lambda: relay.socket, to.host, to.port)
        except OSError as error:
            relay.cut()
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, _words(error)) from error
        return relay.channel

    async def _why_not(self, line: Line) -> tuple[Cause, str, bool]:
        """SSH does not say; whether somebody listens there tells most of it.

        At last, whether it is not permitted, or may not be.
        """
        listen, talk = self.forward.listen, Talk(line)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await line.open(listen, talk)
        except asyncssh.ChannelOpenError as error:
            if error.code == asyncssh.OPEN_CONNECT_FAILED and not listen.path:
                return Cause.CONFIGURATION, reasons.not_permitted(listen), True
        except TimeoutError:
            pass
        else:
            return Cause.PORT_HELD, reasons.taken_there(listen), False
        finally:
            talk.close()
        return Cause.PORT_HELD, reasons.taken_or_not_permitted(listen), True


def _words(error: OSError) -> str:
    """The system's own: asyncio puts others in their place."""
    return os.strerror(error.errno) if error.errno else "no answer"
