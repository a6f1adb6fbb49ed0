"""What is said of tunnels, and of pools that one cuts off."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jobs.tunnels import ForwardState, TunnelReport, TunnelState
from nightmill.cli import words
from nightmill.cut_off import CutOff

if TYPE_CHECKING:
    from nightmill.fleet import TunnelStatus

_HEADING = ("tunnel", "state", "forwards", "machine", "version", "server")


def table(tunnels: "Sequence[TunnelStatus]") -> Iterator[str]:
    """A line for each tunnel, then why one is not up."""
    yield ""
    yield from words.table([_HEADING, *map(_cells, tunnels)])
    for tunnel in tunnels:
        if tunnel.is_alive and tunnel.report.reason:
            yield f"{tunnel.name}: {tunnel.report.reason}"


def why_cut_off(cut: CutOff) -> str:
    """`waits for tunnel home, which was not heard of for 40 s`."""
    if not cut.is_alive:
        return f"waits for tunnel {cut.tunnel}, not heard of for {words.duration(cut.silent_s)}"
    because = f": {cut.reason}" if cut.reason else ""
    return f"waits for tunnel {cut.tunnel}, which is {said_of(cut.state)}{because}"


def said_of(state: TunnelState) -> str:
    """A state in a sentence: `down` is what matters of one that is about to try again."""
    return "down" if state is TunnelState.BACKOFF else state.value


def working(report: TunnelReport) -> str:
    """`2 of 3`: the forwards that have answered."""
    up = sum(forward.state is ForwardState.UP for forward in report.forwards)
    return f"{up} of {len(report.forwards)}"


def _cells(tunnel: "TunnelStatus") -> tuple[str, ...]:
    report = tunnel.report
    silent = f"silent for {words.duration(tunnel.silent_s)}"
    return (
        tunnel.name,
        said_of(report.state) if tunnel.is_alive else silent,
        working(report),
        tunnel.machine,
        tunnel.version,
        report.server,
    )
