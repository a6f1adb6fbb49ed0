"""What is said of tunnels, and of pools that one cuts off."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jobs.sizes import size_text
from jobs.tunnels import ForwardReport, ForwardState, TunnelReport, TunnelState
from nightmill.cli import words
from nightmill.cut_off import CutOff

if TYPE_CHECKING:
    from nightmill.fleet import TunnelStatus
    from nightmill.trusting import ShownKey

_HEADING = ("tunnel", "state", "forwards", "machine", "version", "server")


def table(tunnels: "Sequence[TunnelStatus]") -> Iterator[str]:
    """A line for each tunnel, then why one is not up."""
    yield ""
    yield from words.table([_HEADING, *map(_cells, tunnels)])
    for tunnel in tunnels:
        if tunnel.is_alive and tunnel.report.reason:
            yield f"{tunnel.name}: {tunnel.report.reason}"


def lines(report: TunnelReport) -> Iterator[str]:
    """One tunnel with its forwards, for people."""
    where = f", to {report.server}" if report.server else ""
    since = report.state_s
    if report.state is TunnelState.UP and report.up_s is not None:
        since = report.up_s
    yield f"{report.name}: {said_of(report.state)} for {words.duration(since)}{where}"
    if report.reason:
        yield report.reason
    if report.next_try_s is not None:
        yield f"next try in {words.duration(report.next_try_s)}"
    for forward in report.forwards:
        yield f"  {_forward(forward)}"
    yield ", ".join(
        [
            words.count(report.connects, "connection") + " so far",
            *(f"{times:,} ended, {cause}" for cause, times in report.failures.items()),
        ]
    )


def of_key(shown: "ShownKey") -> Iterator[str]:
    """The host key of a server, and what to do about it."""
    yield f"{shown.server} shows {shown.algorithm} {shown.fingerprint}"
    if shown.is_trusted:
        yield "This is the key that is pinned."
        return
    pinned = ", ".join(shown.pinned)
    yield f"Pinned is another one: {pinned}" if pinned else "None is pinned yet."
    yield "Compare it on the server: cat /etc/ssh/ssh_host_*_key.pub | ssh-keygen -lf -"
    command = f"nightmill tunnel trust {shown.name} --fingerprint {shown.fingerprint}"
    yield f"If it is there, pin it: `{command}`"


def why_cut_off(cut: CutOff) -> str:
    """`waits for tunnel home, which is down: …`; of one that may be gone, also the way out."""
    if not cut.is_alive:
        way_out = f"(gone for good? `nightmill tunnel forget {cut.tunnel}`)"
        return f"waits for tunnel {cut.tunnel}, {_silence(cut.state, cut.silent_s)} {way_out}"
    because = f": {cut.reason}" if cut.reason else ""
    return f"waits for tunnel {cut.tunnel}, which is {said_of(cut.state)}{because}"


def said_of(state: TunnelState) -> str:
    """A state in a sentence: `down` is what matters of one that is about to try again."""
    return "down" if state is TunnelState.BACKOFF else state.value


def working(report: TunnelReport) -> str:
    """`2 of 3`: the forwards that have answered."""
    up = sum(forward.state is ForwardState.UP for forward in report.forwards)
    return f"{up} of {len(report.forwards)}"


def _forward(forward: ForwardReport) -> str:
    here, there = ("here", "there") if forward.direction == "local" else ("there", "here")
    took = "" if forward.rtt_ms is None else f", answers in {forward.rtt_ms:.0f} ms"
    said = forward.state.value + (took if forward.state is ForwardState.UP else "")
    size = forward.bytes_there + forward.bytes_back
    through = f"{forward.open:,} open" + (f", {size_text(size)} so far" if size else "")
    why = f": {forward.reason}" if forward.reason else ""
    return f"{forward.listen} {here} → {forward.to} {there}: {said}, {through}{why}"


def _silence(state: TunnelState, silent_s: float) -> str:
    """Of one that has no lease: it was ended, or it fell silent."""
    if state is TunnelState.IDLE:
        return f"ended {words.duration(silent_s)} ago"
    return f"not heard of for {words.duration(silent_s)}"


def _cells(tunnel: "TunnelStatus") -> tuple[str, ...]:
    report = tunnel.report
    return (
        tunnel.name,
        said_of(report.state) if tunnel.is_alive else _silence(report.state, tunnel.silent_s),
        working(report),
        tunnel.machine,
        tunnel.version,
        report.server,
    )
