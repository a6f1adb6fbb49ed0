from jobs.endpoints import Endpoint
from jobs.tunnels import Cause, ForwardReport, ForwardState, TunnelState
from tunnel.forward import Forward
from tunnel.rounds import Finding, finding

HERE, THERE = Endpoint("127.0.0.1", 6379), Endpoint("127.0.0.1", 11435)
REMOTE = Forward("remote", THERE, HERE, "http")
WELL = ForwardReport(
    direction="local", listen=str(HERE), to=str(HERE), probe="redis", state=ForwardState.UP
)


def amiss(state: ForwardState, reason: str) -> ForwardReport:
    return ForwardReport(
        direction="remote",
        listen=str(THERE),
        to=str(HERE),
        probe="http",
        state=state,
        reason=reason,
    )


def test_it_is_up_when_every_forward_is() -> None:
    assert finding([WELL, WELL], {}, is_hopeful=False) == Finding(TunnelState.UP)


def test_one_dead_service_degrades_it_and_is_named() -> None:
    dead = amiss(ForwardState.DEAD, "The model server is dead.")
    assert finding([WELL, dead], {}, is_hopeful=False) == Finding(
        TunnelState.DEGRADED, None, "The model server is dead."
    )


def test_a_held_port_is_waited_for_and_then_told() -> None:
    held = amiss(ForwardState.REFUSED, "It is taken.")
    causes = {REMOTE: Cause.PORT_HELD}
    assert finding([WELL, held], causes, is_hopeful=True) == Finding(
        TunnelState.FORWARDING, Cause.PORT_HELD, "It is taken."
    )
    assert finding([WELL, held], causes, is_hopeful=False) == Finding(
        TunnelState.DEGRADED, Cause.PORT_HELD, "It is taken."
    )


def test_what_the_same_reason_keeps_down_is_said_once() -> None:
    silent = amiss(ForwardState.DEAD, "No answer.")
    assert finding([silent, silent], {}, is_hopeful=False).reason == "No answer."
