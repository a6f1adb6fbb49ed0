import asyncio
from unittest.mock import Mock

import pytest

from jobs.endpoints import Endpoint
from jobs.tunnels import Cause, ForwardReport, ForwardState, TunnelState
from tunnel.forward import Forward
from tunnel.nudges import Nudges
from tunnel.rounds import Finding, Rounds, finding

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


@pytest.mark.parametrize(("heard_at", "is_proven"), [(99.0, False), (100.0, True)])
def test_what_came_before_it_woke_does_not_prove_that_the_connection_outlived_the_sleep(
    heard_at: float, is_proven: bool
) -> None:
    nudges = Nudges(lambda: 0.0)
    link, forwards = Mock(), Mock()

    async def asleep_meanwhile(_within_s: float) -> None:
        nudges.woke(100.0)
        forwards.heard_at = heard_at

    forwards.probe = asleep_meanwhile
    rounds = Rounds(
        link,
        settings=Mock(probe_s=1.0),
        forwards=forwards,
        diary=Mock(),
        nudges=nudges,
        clock=lambda: 0.0,
        chance=lambda: 0.0,
    )
    asyncio.run(rounds._ask_all())
    assert nudges.slept.is_set() is not is_proven
    assert link.doubt.called is not is_proven
