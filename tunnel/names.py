"""Where servers are: looked up anew on every try, as addresses change where machines sleep."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from jobs.endpoints import Endpoint
from jobs.tunnels import Cause
from tunnel.failures import TunnelError


class Address(NamedTuple):
    """One address of a server."""

    server: Endpoint
    family: int
    #: What the system's calls take: the literal address, the port, and more for IPv6.
    place: tuple[Any, ...]

    @property
    def host(self) -> str:
        """The literal address."""
        return str(self.place[0])


class Names:
    """Looks names up, and remembers where each one led when it last did."""

    def __init__(self, look_up: Callable[..., Any] = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._asked: dict[Endpoint, asyncio.Future[list[Address]]] = {}
        self._known: dict[Endpoint, list[Address]] = {}

    async def addresses(self, server: Endpoint, within_s: float) -> list[Address]:
        """Where a server is; where its name leads nowhere for now, where it was.

        Raises:
            TunnelError: the name leads nowhere, and never did.
        """
        # A resolver may take half a minute: who asks again meanwhile waits for the same answer.
        asked = self._asked.get(server) or self._ask(server)
        try:
            async with asyncio.timeout(within_s):
                found = await asyncio.shield(asked)
        except OSError as error:  # what a time-out is, too
            if server in self._known:
                return self._known[server]
            raise TunnelError(
                Cause.UNREACHABLE, _UNKNOWN.format(server.host, _why(error))
            ) from None
        self._known[server] = found
        return found

    def _ask(self, server: Endpoint) -> asyncio.Future[list[Address]]:
        loop = asyncio.get_running_loop()
        asked = self._asked[server] = loop.create_future()
        asked.add_done_callback(lambda done: self._answered(server, done))
        # Not on the loop's own threads: the end of the program would wait for those.
        looking = (server, loop, asked)
        threading.Thread(target=self._find, args=looking, name="names", daemon=True).start()
        return asked

    def _find(
        self,
        server: Endpoint,
        loop: asyncio.AbstractEventLoop,
        asked: asyncio.Future[list[Address]],
    ) -> None:
        found: list[Address] | OSError
        try:
            answers = self._look_up(server.host, server.port, type=socket.SOCK_STREAM)
            found = [Address(server, family, place) for family, _, _, _, place in answers]
        except OSError as error:
            found = error
        except UnicodeError:  # a label of more than 63 letters and the like
            found = socket.gaierror(socket.EAI_NONAME, "it is no name")
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(_answer, asked, found)

    def _answered(self, server: Endpoint, asked: asyncio.Future[list[Address]]) -> None:
        del self._asked[server]
        if not asked.cancelled():
            asked.exception()  # whoever waited for it may have left


def _answer(asked: asyncio.Future[list[Address]], found: list[Address] | OSError) -> None:
    if asked.done():
        return
    if isinstance(found, OSError):
        asked.set_exception(found)
    else:
        asked.set_result(found)


def _why(error: OSError) -> str:
    return "no answer yet" if isinstance(error, TimeoutError) else str(error.strerror or error)


_UNKNOWN = (
    "The name {} does not resolve ({}). Is this machine online, and is the name spelt right in "
    "`servers`? An address works as well."
)
