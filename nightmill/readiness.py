"""Telling systemd how this process is: that it is ready, that it lives, and what it does."""

import contextlib
import socket
from dataclasses import dataclass

from jobs.tunnels import TunnelReport

#: Seconds for which a connection may be silent before its tunnel no longer counts as well.
SILENT_S = 20.0


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


def is_well(report: TunnelReport) -> bool:
    """Whether a tunnel may tell its watchdog that it lives.

    One that says that it is connected and has not heard a byte for a while, probes included, is
    stuck and is begun anew. One that knows that it is down is not: begun anew, it would forget how
    long to wait, and a server that refuses a key shuts out whoever asks it twice a minute.
    """
    if not report.state.is_connected:
        return True
    heard_s = report.state_s if report.heard_s is None else report.heard_s
    return heard_s < SILENT_S
