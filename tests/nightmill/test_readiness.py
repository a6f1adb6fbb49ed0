"""Whoever started us hears that we are ready, and a tunnel's watchdog only while it is well."""

import socket
from pathlib import Path

import msgspec
import pytest

from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import ForwardReport, ForwardState, TunnelReport, TunnelState
from nightmill.readiness import Manager, is_well
from tests.nightmill.conftest import Start
from tests.nightmill.mill_process import end_of

FORWARD = ForwardReport(
    direction="local",
    listen="127.0.0.1:6379",
    to="127.0.0.1:6379",
    probe="redis",
    state=ForwardState.UP,
)
CONNECTED = TunnelReport(
    name="home", state=TunnelState.UP, heard_s=0.2, state_s=100, forwards=(FORWARD,)
)
SETTINGS = TunnelSettings.model_validate(
    {"servers": ["mill"], "local": [{"listen": "127.0.0.1:6379", "to": "127.0.0.1:6379"}]}
)


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(path))
    listener.settimeout(60)
    return listener


def test_what_is_told_arrives_line_by_line(tmp_path: Path) -> None:
    with listening(tmp_path / "notify") as told:
        manager = Manager(str(tmp_path / "notify"))
        manager.is_ready("two\nlines")
        manager.is_alive("up")

        assert [told.recv(500) for _ in range(2)] == [
            b"READY=1\nSTATUS=two lines",
            b"WATCHDOG=1\nSTATUS=up",
        ]


def test_nobody_to_tell_is_no_error(tmp_path: Path) -> None:
    Manager(None).is_ready()
    Manager(str(tmp_path / "nobody")).is_ready()


def test_a_monitor_and_an_up_say_that_they_are_ready(
    mill: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(mill / "notify") as told:
        monkeypatch.setenv("NOTIFY_SOCKET", str(mill / "notify"))
        start("monitor", "--port", "0")
        assert told.recv(500).startswith(b"READY=1\nSTATUS=serves http://127.0.0.1:")
        process = start("up")
        assert told.recv(500) == b"READY=1\nSTATUS=serves"
        process.terminate()
        end_of(process)


def test_a_connection_that_is_heard_is_well_and_one_that_is_silent_is_not() -> None:
    """Two rounds of 5 s, an answer of 4 s, and 10 s more."""
    for state in (TunnelState.UP, TunnelState.DEGRADED, TunnelState.PROBING):
        connected = msgspec.structs.replace(CONNECTED, state=state)
        assert is_well(msgspec.structs.replace(connected, heard_s=23.9), SETTINGS)
        assert not is_well(msgspec.structs.replace(connected, heard_s=24.0), SETTINGS)
    assert not is_well(msgspec.structs.replace(CONNECTED, heard_s=None), SETTINGS)
    assert is_well(msgspec.structs.replace(CONNECTED, heard_s=None, state_s=1.0), SETTINGS)


def test_where_nothing_is_asked_silence_means_nothing() -> None:
    refused = msgspec.structs.replace(FORWARD, state=ForwardState.REFUSED)

    assert is_well(msgspec.structs.replace(CONNECTED, heard_s=900, forwards=(refused,)), SETTINGS)


def test_one_that_knows_that_it_is_down_is_left_to_its_own_patience() -> None:
    for state in (TunnelState.BACKOFF, TunnelState.HALTED, TunnelState.CONNECTING):
        report = msgspec.structs.replace(CONNECTED, state=state, heard_s=None, state_s=9_000)
        assert is_well(report, SETTINGS)
