import logging

import msgspec
import pytest

from jobs.tunnels import ForwardReport, ForwardState, TunnelReport, TunnelState
from tunnel.journal import Journal

REDIS = ForwardReport(
    direction="local",
    listen="127.0.0.1:6379",
    to="127.0.0.1:6379",
    probe="redis",
    state=ForwardState.UP,
)
UP = TunnelReport(name="home", state=TunnelState.UP, server="server:22", forwards=(REDIS,))
BACKOFF = msgspec.structs.replace(UP, state=TunnelState.BACKOFF, reason="No route to server:22.")


def in_state(state: TunnelState) -> TunnelReport:
    return msgspec.structs.replace(UP, state=state)


@pytest.fixture(autouse=True)
def _hear_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_a_night_without_network_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal()
    for _ in range(500):
        for state in (TunnelState.RESOLVING, TunnelState.CONNECTING):
            journal.hear(in_state(state))
        journal.hear(BACKOFF)
    journal.hear(UP)

    assert [getattr(record, "action", "") for record in caplog.records] == [
        "tunnel_down",
        "tunnel_up",
    ]
    assert caplog.records[0].getMessage() == (
        "Tunnel home is down and tries again: No route to server:22."
    )
    assert caplog.records[1].getMessage() == "Tunnel home is up, to server:22: its forward answers."


def test_another_reason_is_another_line(caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal()
    for reason in ("one", "two", "two"):
        journal.hear(msgspec.structs.replace(BACKOFF, reason=reason))
    journal.hear(msgspec.structs.replace(BACKOFF, state=TunnelState.HALTED, reason="three"))
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "ERROR"]


def test_a_degraded_tunnel_says_which_forward_does_not_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dead = msgspec.structs.replace(REDIS, state=ForwardState.DEAD, reason="Redis does not answer.")
    Journal().hear(msgspec.structs.replace(UP, state=TunnelState.DEGRADED, forwards=(REDIS, dead)))
    assert caplog.records[0].getMessage() == "Tunnel home: Redis does not answer."
