"""Serving the pages until somebody wants them to end."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass

from tornado.httpserver import HTTPServer

from jobs.addresses import is_this_machine
from jobs.errors import UsageError
from monitoring.app import Monitor

#: Seconds between two looks at whether to end.
LOOK_EVERY_S = 0.2
#: Nobody has anything to send here.
_MOST_BYTES = 65_536
#: Who may wait to be let in.
_BACKLOG = 128


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where pages are served, and for whom."""

    address: str
    #: 0 takes one that is free.
    port: int
    #: `user:password`; None where there is no password.
    credentials: str | None = None

    def check(self) -> None:
        """Raise `UsageError` where everybody could see everything."""
        if self.credentials is None and not is_this_machine(self.address):
            raise UsageError(
                f"Expected a password for pages on {self.address}, where others could see them."
                " Set `password_file` in [monitor] of the configuration, or leave the address"
                " out and come through ssh -L."
            )


def serve(
    place: Place,
    make: Callable[[], Monitor],
    on_start: Callable[[str], None],
    check: Callable[[], None],
) -> None:
    """Serve until `check`, which is called several times a second, raises.

    `make` is called in the event loop; `on_start` gets the URL once it can be opened. Raises
    `UsageError` where the address cannot be had, or would be open to everybody.
    """
    place.check()
    asyncio.run(_serve(place, make, on_start, check))


def listen(place: Place) -> socket.socket:
    """A socket that listens; raises `UsageError` where the address cannot be had."""
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((place.address, place.port))
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise UsageError(_why(place, error)) from error
    return listening


def url_of(place: Place, listening: socket.socket) -> str:
    """What to open in a browser."""
    return f"http://{_shown(place.address)}:{listening.getsockname()[1]}/"


async def _serve(
    place: Place,
    make: Callable[[], Monitor],
    on_start: Callable[[str], None],
    check: Callable[[], None],
) -> None:
    listening = listen(place)
    monitor = make()
    server = HTTPServer(monitor, max_body_size=_MOST_BYTES, max_header_size=_MOST_BYTES)
    server.add_socket(listening)
    monitor.begin()
    try:
        on_start(url_of(place, listening))
        while True:
            check()
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        server.stop()
        await server.close_all_connections()
        monitor.end()


def _shown(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.is_unspecified:
        return "127.0.0.1" if found.version == 4 else "[::1]"  # noqa: PLR2004  (of IP)
    return str(found) if found.version == 4 else f"[{found}]"  # noqa: PLR2004  (of IP)


def _why(place: Place, error: OSError) -> str:
    where = f"port {place.port} of {place.address}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"Something else listens on {where}. End it, or choose another with --port; with 0"
            " any that is free."
        )
    if error.errno == errno.EACCES:
        return f"There is no right to listen on {where}. Choose a --port from 1024 on."
    return (
        f"It is not possible to listen on {where}: {error.strerror or error}. Choose an --address"
        " of this machine, such as 127.0.0.1."
    )
