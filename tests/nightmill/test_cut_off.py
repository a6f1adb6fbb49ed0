"""What is said of hosts and batches that wait for a tunnel, and of the tunnels."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from jobs.store import hosts, tunnels
from jobs.store.store import Store
from jobs.store.tunnels import TunnelRow
from jobs.tunnels import ForwardReport, ForwardState, TunnelReport, TunnelState
from tests.jobs.store.desk import Desk
from tests.jobs.store.test_hosts import STUDIO
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import write_rows
from tests.nightmill.printed import check_printed

REDIS = ForwardReport(
    direction="local",
    listen="127.0.0.1:6379",
    to="127.0.0.1:6379",
    probe="redis",
    state=ForwardState.UP,
    rtt_ms=3.2,
    answered_s=1.0,
)
UP = TunnelReport(
    name="home", state=TunnelState.UP, server="192.168.1.20:22", connects=1, forwards=(REDIS,)
)
REDIS_IS_DOWN = msgspec.structs.replace(
    UP,
    state=TunnelState.DEGRADED,
    reason="127.0.0.1:6379 does not answer.",
    forwards=(msgspec.structs.replace(REDIS, state=ForwardState.DEAD),),
)


@pytest.fixture
def desk(mill: Path, command: Command) -> Iterator[Desk]:
    """A batch that waits for the pool of a host which comes by a tunnel."""
    write_rows(mill / "in.jsonl", 2)
    command("submit", "in.jsonl", "--name", "night", "--model", "fake")
    with closing(Store.open(f"sqlite:///{mill / 'data' / 'nightmill.db'}")) as store:
        with store.write() as c:
            hosts.announce(c, msgspec.structs.replace(STUDIO, pool="fake", guard="studio's"))
        yield Desk(store)


def dial(desk: Desk, report: TunnelReport, pools: tuple[str, ...] = ()) -> None:
    row = TunnelRow(
        name="home",
        session="first",
        guard="studio's",
        brings=True,
        pools=pools,
        machine="studio",
        version="0.1.0",
        report=report,
    )
    with desk.store.write() as c:
        tunnels.take(c, row)


def fall_silent(desk: Desk, seconds: float) -> None:
    desk.do("UPDATE tunnels SET lease_until = lease_until - :s, seen_at = seen_at - :s", s=seconds)
    desk.do("UPDATE hosts SET seen_at = seen_at - :s", s=seconds)


def test_without_a_tunnel_nothing_is_said_of_any(desk: Desk, command: Command) -> None:
    assert command("hosts", "--json").json["tunnels"] == []
    assert "tunnel" not in command("hosts").out
    assert command("status", "night", "--json").json["cut_off"] == []


def test_tunnels_are_listed_with_the_hosts(desk: Desk, command: Command) -> None:
    dial(desk, UP)

    printed = command("hosts", "--json")

    check_printed("hosts", printed.json)
    assert printed.json["tunnels"][0]["report"]["state"] == "up"
    assert printed.json["hosts"][0]["cut_off"] is None
    (line,) = [line for line in command("hosts").out.splitlines() if line.startswith("home ")]
    assert line.split() == ["home", "up", "1", "of", "1", "studio", "0.1.0", "192.168.1.20:22"]


@pytest.mark.parametrize("seconds", [20, 200])
def test_a_host_whose_tunnel_is_not_heard_of_is_cut_off(
    desk: Desk, command: Command, seconds: int
) -> None:
    dial(desk, UP)
    fall_silent(desk, seconds)

    (host,) = command("hosts", "--json").json["hosts"]
    said = command("hosts").out
    status = command("status", "night", "--json")

    assert (host["state"], host["cut_off"]["tunnel"]) == ("cut off", "home")
    assert f"{host['name']}: waits for tunnel home, not heard of for " in said
    assert "not heard of for" in said
    check_printed("status", status.json)
    assert [cut["pool"] for cut in status.json["cut_off"]] == ["fake"]
    assert status.json["unserved"] == []
    assert "pool fake waits for tunnel home, not heard of for" in command("status", "night").out


def test_a_pool_that_is_reached_through_a_tunnel_waits_for_all_of_it(
    desk: Desk, command: Command
) -> None:
    dial(desk, REDIS_IS_DOWN, pools=("fake",))

    said = command("status", "night").out

    why = "waits for tunnel home, which is degraded: 127.0.0.1:6379 does not answer."
    assert f"pool fake {why}" in said
    assert f"home: {REDIS_IS_DOWN.reason}" in command("hosts").out
    assert "cut off" in command("batches").out


def test_a_pool_with_a_host_that_is_reached_does_not_wait(desk: Desk, command: Command) -> None:
    dial(desk, UP)
    fall_silent(desk, 20)
    with desk.store.write() as c:
        hosts.announce(c, msgspec.structs.replace(STUDIO, name="here", pool="fake"))

    assert command("status", "night", "--json").json["cut_off"] == []


def test_a_tunnel_that_is_gone_for_good_is_forgotten_so_that_its_pool_goes_on(
    desk: Desk, command: Command
) -> None:
    dial(desk, UP, pools=("fake",))
    refused = command("tunnel", "forget", "home")
    assert (refused.status, "of studio lives" in refused.err) == (2, True)
    fall_silent(desk, 20)
    assert "(gone for good? `nightmill tunnel forget home`)" in command("status", "night").out

    forgotten = command("tunnel", "forget", "home", "--json")

    check_printed("tunnel_forget", forgotten.json)
    assert forgotten.json["pools"] == ["fake"]
    assert command("hosts", "--json").json["tunnels"] == []
    assert command("status", "night", "--json").json["cut_off"] == []
    unknown = command("tunnel", "forget", "home")
    assert (unknown.status, "knows no tunnel home. It knows none" in unknown.err) == (2, True)


def test_a_tunnel_that_was_ended_is_told_from_one_that_fell_silent(
    desk: Desk, command: Command
) -> None:
    dial(desk, UP, pools=("fake",))
    with desk.store.write() as c:
        tunnels.leave(c, "home", "first")

    assert "pool fake waits for tunnel home, ended " in command("status", "night").out
    assert " ago " in command("hosts").out
