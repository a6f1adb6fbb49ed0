"""Where something listens, or is reached: a host and a port, or the path of a Unix socket."""

import ipaddress
import re
from typing import NamedTuple, Self

from jobs.addresses import is_this_machine

MAX_PORT = 65_535

#: What the operating systems take for the path of a socket; macOS has the shorter ones.
MAX_PATH = 103

#: A name or an address, `[…]` around one with colons, and a port.
_WITH_PORT = re.compile(r"(?:\[(?P<ipv6>[0-9a-fA-F:.]+)\]|(?P<host>[\w.-]+))(?::(?P<port>[0-9]+))?")


class Endpoint(NamedTuple):
    """A host and a port, or a path: then the host is empty and the port 0."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str, default_port: int | None = None) -> Self:
        """`127.0.0.1:6379`, `[::1]:6379`, `server.example.org` with a `default_port`, or `/a/path`.

        `localhost` becomes 127.0.0.1: what a server permits is compared letter by letter.

        Raises:
            ValueError: it is none of them; the message says what was expected.
        """
        if text.startswith("/"):
            return cls._at_path(text)
        if default_port is not None and _is_ipv6(text):
            return cls(host=text, port=default_port)
        match = _WITH_PORT.fullmatch(text)
        if match is None or (match["ipv6"] and not _is_ipv6(match["ipv6"])):
            raise ValueError(_EXPECTED)
        port = int(match["port"]) if match["port"] else default_port
        if port is None or not 0 < port <= MAX_PORT:
            raise ValueError(_EXPECTED)
        host = match["ipv6"] or match["host"]
        return cls(host="127.0.0.1" if host == "localhost" else host, port=port)

    @property
    def is_here(self) -> bool:
        """Whether only this machine reaches it."""
        return bool(self.path) or is_this_machine(self.host)

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def _at_path(cls, path: str) -> Self:
        if not path.isprintable() or len(path.encode()) > MAX_PATH:
            raise ValueError(f"an absolute path of at most {MAX_PATH} bytes")
        return cls(path=path)


_EXPECTED = "a host and a port, as in 127.0.0.1:6379, or the absolute path of a socket"


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6  # noqa: PLR2004  (its name)
    except ValueError:
        return False
