"""Two machines on one cable: network namespaces and a pair of virtual Ethernet ends. For Linux.

Each has a loopback of its own, so both can have their own port 5432.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Side = Literal["server", "mac"]
SIDES: tuple[Side, ...] = ("server", "mac")

#: What the machines are called on the cable.
ADDRESSES: dict[Side, str] = {"server": "10.77.0.1", "mac": "10.77.0.2"}
_WIDTH = 24
#: What either end of the cable is called inside.
_END = "lan0"


class Network:
    """The cable between them, which can be pulled at either end."""

    def __init__(self) -> None:
        self._names = {side: f"nightmill-{side}-{os.getpid()}" for side in SIDES}

    def make(self) -> None:
        """Make both namespaces; raises `OSError` or `CalledProcessError` where that may not be."""
        for name in self._names.values():
            _ip("netns", "add", name)
        here, there = (f"nm{os.getpid()}{side[0]}" for side in SIDES)
        _ip("link", "add", here, "type", "veth", "peer", "name", there)
        for side, end in zip(SIDES, (here, there), strict=True):
            _ip("link", "set", end, "netns", self._names[side], "name", _END)
            self._ip_in(side, "addr", "add", f"{ADDRESSES[side]}/{_WIDTH}", "dev", _END)
            for each in ("lo", _END):
                self._ip_in(side, "link", "set", each, "up")

    def remove(self) -> None:
        """Remove them, with the cable; what is not there is no matter."""
        for name in self._names.values():
            with suppress(OSError, subprocess.CalledProcessError):
                _ip("netns", "delete", name)

    def inside(self, side: Side) -> tuple[str, ...]:
        """What to put before a command that is to run on a machine."""
        return ("ip", "netns", "exec", self._names[side])

    def pull(self, side: Side) -> None:
        """Take one end of the cable down."""
        self._ip_in(side, "link", "set", _END, "down")

    def plug(self, side: Side) -> None:
        """Put it in again."""
        self._ip_in(side, "link", "set", _END, "up")

    def _ip_in(self, side: Side, *words: str) -> None:
        _ip("-netns", self._names[side], *words)


def why_none() -> str:
    """Why no such network can be made here; empty where one can."""
    try:
        with network():
            return ""
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    except subprocess.CalledProcessError as error:
        return str(error.stderr).strip() or str(error)


@contextmanager
def network() -> Iterator[Network]:
    """A network for as long as the block lasts."""
    made = Network()
    try:
        made.make()
        yield made
    finally:
        made.remove()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
