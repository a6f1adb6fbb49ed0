"""The lease of a tunnel: taken when the store can be had, kept, and given back at the end."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from jobs.errors import StoreError
from jobs.store import tunnels
from jobs.store.store import Store
from jobs.store.tunnels import TunnelRow
from jobs.tunnels import TunnelReport, TunnelState
from tests.waiting import eventually
from tunnel.lease import Lease, may_have_store

UP = TunnelReport(name="home", state=TunnelState.UP, state_s=60)
TUNNEL = TunnelRow(
    name="home",
    session="first",
    guard="studio's",
    brings=True,
    pools=("chat",),
    machine="studio",
    version="1",
    report=UP,
)
#: What its machine has.
HERE = ("home",)


@pytest.fixture
def file(sqlite_store: Store, tmp_path: Path) -> Path:
    return tmp_path / "nightmill.db"


@pytest.fixture
def lease(file: Path) -> Iterator[Lease]:
    lease = Lease(f"sqlite:///{file}")
    yield lease
    lease.end()


def listed(store: Store) -> list[TunnelRow]:
    with store.read() as c:
        return tunnels.listing(c)


def take(store: Store, tunnel: TunnelRow) -> None:
    with store.write() as c:
        assert tunnels.take(c, tunnel) is not None


def let_run_out(store: Store) -> None:
    with store.write() as c:
        c.exec_driver_sql("UPDATE tunnels SET lease_until = 0")


def test_a_change_is_in_the_store_at_once(sqlite_store: Store, lease: Lease) -> None:
    lease.tell(TUNNEL, HERE)
    eventually(lambda: listed(sqlite_store), "the lease")

    degraded = msgspec.structs.replace(UP, state=TunnelState.DEGRADED, reason="Redis is dead.")
    lease.tell(msgspec.structs.replace(TUNNEL, report=degraded), HERE)

    eventually(lambda: listed(sqlite_store)[0].report == degraded, "the change")
    assert listed(sqlite_store)[0].epoch == 1


def test_other_pools_are_taken_over(sqlite_store: Store, lease: Lease) -> None:
    lease.tell(TUNNEL, HERE)
    eventually(lambda: listed(sqlite_store), "the lease")
    lease.tell(msgspec.structs.replace(TUNNEL, pools=()), HERE)
    eventually(lambda: listed(sqlite_store)[0].pools == (), "the change")


@pytest.mark.parametrize("pools", [(), ("chat",)])
def test_at_the_end_it_is_given_back_and_stays_only_where_pools_wait_for_it(
    sqlite_store: Store, lease: Lease, pools: tuple[str, ...]
) -> None:
    lease.tell(msgspec.structs.replace(TUNNEL, pools=pools), HERE)
    eventually(lambda: listed(sqlite_store), "the lease")
    lease.end()
    assert [row.is_alive for row in listed(sqlite_store)] == [False for _ in pools]


def test_a_tunnel_that_was_renamed_takes_its_old_name_along(
    sqlite_store: Store, lease: Lease
) -> None:
    take(sqlite_store, msgspec.structs.replace(TUNNEL, name="old", session="old"))
    let_run_out(sqlite_store)

    lease.tell(TUNNEL, HERE)

    eventually(lambda: [row.name for row in listed(sqlite_store)] == ["home"], "the name alone")


def test_a_store_that_is_away_is_told_when_it_is_back(
    sqlite_store: Store, lease: Lease, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sqlite_store.close()
    away = file.rename(file.with_name("away.db"))
    lease.tell(TUNNEL, HERE)
    eventually(lambda: caplog.records, "the news")
    lease.tell(TUNNEL, HERE)
    away.rename(file)

    def is_back() -> bool:
        lease.tell(TUNNEL, HERE)
        return bool(listed(sqlite_store))

    eventually(is_back, "the lease")
    eventually(lambda: len(caplog.records) > 1, "the end of it")
    assert [getattr(r, "action", "") for r in caplog.records] == ["lease_waits", "lease_kept"]


@pytest.mark.parametrize(
    ("state", "state_s", "brings", "expected"),
    [
        (TunnelState.CONNECTING, 60, True, False),
        (TunnelState.BACKOFF, 60, True, False),
        (TunnelState.UP, 1, True, False),
        (TunnelState.UP, 60, True, True),
        (TunnelState.DEGRADED, 60, True, True),
        (TunnelState.CONNECTING, 0, False, True),
    ],
)
def test_a_store_that_the_tunnel_brings_is_missed_only_once_it_could_be_there(
    state: TunnelState, state_s: float, brings: bool, expected: bool
) -> None:
    report = msgspec.structs.replace(UP, state=state, state_s=state_s)
    tunnel = msgspec.structs.replace(TUNNEL, brings=brings, report=report)
    assert may_have_store(tunnel) is expected


def test_a_start_is_silent_and_what_is_said_later_is_no_advice_to_whoever_gives_a_command(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0

    def is_gone(_url: str) -> Store:
        nonlocal tries
        tries += 1
        raise StoreError("It was lost. See that it runs, then give the same command again.")

    monkeypatch.setattr(Store, "open", is_gone)
    caplog.set_level("INFO")
    on_its_way = msgspec.structs.replace(UP, state=TunnelState.CONNECTING)
    lease = Lease("postgresql://nobody@127.0.0.1/nightmill")
    for so_far in (2, 4):
        lease.tell(msgspec.structs.replace(TUNNEL, report=on_its_way), ())
        eventually(lambda n=so_far: tries == n, "a try in vain")
    assert caplog.records == []

    lease.tell(TUNNEL, ())
    eventually(lambda: caplog.records, "the news")
    lease.end()

    [said] = [record.getMessage() for record in caplog.records]
    assert said.endswith("for now: It was lost. See that it runs.")


def test_another_machine_that_has_the_name_is_named_until_it_is_gone(
    sqlite_store: Store, lease: Lease
) -> None:
    other = msgspec.structs.replace(TUNNEL, session="other", guard="laptop's", machine="laptop")
    take(sqlite_store, other)
    lease.tell(TUNNEL, HERE)
    eventually(lambda: lease.rival == "laptop", "the rival")
    assert listed(sqlite_store)[0].session == "other"

    let_run_out(sqlite_store)
    lease.tell(TUNNEL, HERE)

    eventually(lambda: not lease.rival, "the name")
    assert listed(sqlite_store)[0].session == "first"


def test_a_lease_that_another_machine_took_over_is_not_taken_back(
    sqlite_store: Store, lease: Lease
) -> None:
    lease.tell(TUNNEL, HERE)
    eventually(lambda: listed(sqlite_store), "the lease")
    let_run_out(sqlite_store)
    take(
        sqlite_store,
        msgspec.structs.replace(TUNNEL, session="other", guard="laptop's", machine="laptop"),
    )

    lease.tell(TUNNEL, HERE)

    eventually(lambda: lease.rival == "laptop", "the rival")
    lease.end()
    assert [row.session for row in listed(sqlite_store)] == ["other"]
