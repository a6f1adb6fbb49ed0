"""Telling systemd how this process is: that it is ready, that it lives, and what it does."""

import contextlib
import socket
from dataclasses import dataclass

from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import ForwardState, TunnelReport

#: Seconds beside two rounds of questions for which a connection may be silent.
MORE_S = 10.0


@dataclass(frozen=True)
class Manager:
    """Whoever started this process and wants to know; without an address, nobody does."""

    #: The path of a Unix socket; with `@` in front, a name in Linux' abstract space.
    address: str | None

    def is_ready(self, status: str = "") -> None:
        """It does from now on what it is there for."""
        self._tell("READY=1", f"STATUS={status}")

    def is_alive(self, status: str = "") -> None:
        """It is not stuck. Where a watchdog waits for this, its absence ends the process."""
        self._tell("WATCHDOG=1", f"STATUS={status}")

    def _tell(self, *words: str) -> None:
        if not self.address:
            return
        # Line ends separate what is told.
        lines = "\n".join(word.replace("\n", " ") for word in words)
        path = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        # A manager that does not listen is no reason to stop.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.settimeout(1.0)
            told.sendto(lines.encode(), path)


def is_well(report: TunnelReport, settings: TunnelSettings) -> bool:
    """Whether a tunnel may tell its watchdog that it lives.

    One that says that it is connected, asks what is behind its forwards and has not heard a byte
    for longer than it should take to notice is stuck, and is begun anew. One that knows that it is
    down is not: begun anew, it would forget how long to wait, and a server that refuses a key shuts
    out whoever asks it twice a minute.
    """
    is_asking = any(forward.state in _ASKED for forward in report.forwards)
    if not (report.state.is_connected and is_asking):
        return True
    heard_s = report.state_s if report.heard_s is None else report.heard_s
    return heard_s < 2 * settings.probe_every_s + settings.probe_s + MORE_S


_ASKED = frozenset({ForwardState.OPEN, ForwardState.UP, ForwardState.DEAD})
