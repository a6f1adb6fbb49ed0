"""What the log says of a tunnel: each change that matters once, not each try."""

import logging
from typing import NamedTuple

from jobs.tunnels import ForwardState, TunnelReport, TunnelState

logger = logging.getLogger(__name__)


class Entry(NamedTuple):
    """A line of the log."""

    level: int
    #: The fixed word that machines know it by.
    action: str
    sentence: str


class Journal:
    """Hears every report, and writes down what is new."""

    def __init__(self) -> None:
        self._last: Entry | None = None

    def hear(self, report: TunnelReport) -> None:
        """Log what a report says that the one before did not."""
        entry = entry_of(report)
        if entry is None or entry == self._last:
            return
        self._last = entry
        logger.log(entry.level, "%s", entry.sentence, extra={"action": entry.action})


def entry_of(report: TunnelReport) -> Entry | None:
    """What to log of it; None while it is on its way from one to another."""
    name = report.name
    match report.state:
        case TunnelState.UP:
            count = len(report.forwards)
            all_of_it = "its forward answers" if count == 1 else f"all {count} forwards answer"
            sentence = f"Tunnel {name} is up, to {report.server}: {all_of_it}."
            return Entry(logging.INFO, "tunnel_up", sentence)
        case TunnelState.DEGRADED:
            return Entry(logging.WARNING, "tunnel_degraded", f"Tunnel {name}: {_which(report)}")
        case TunnelState.BACKOFF:
            sentence = f"Tunnel {name} is down and tries again: {report.reason}"
            return Entry(logging.WARNING, "tunnel_down", sentence)
        case TunnelState.HALTED:
            return Entry(logging.ERROR, "tunnel_halted", f"Tunnel {name} halts: {report.reason}")
        case _:
            return None


def _which(report: TunnelReport) -> str:
    broken = [each.reason for each in report.forwards if each.state is not ForwardState.UP]
    return " ".join(filter(None, dict.fromkeys(broken))) or report.reason
