"""What people are told of a tunnel."""

import pytest

from jobs.tunnels import TunnelReport, TunnelState
from nightmill.cli import tunnels


@pytest.mark.parametrize(
    ("state", "said"),
    [(TunnelState.UP, "home: up for 1 min 21 s"), (TunnelState.DEGRADED, "home: degraded for 3 s")],
)
def test_only_one_that_is_up_counts_from_when_it_first_was(state: TunnelState, said: str) -> None:
    report = TunnelReport(name="home", state=state, state_s=3, up_s=81)
    assert next(tunnels.lines(report)) == said
