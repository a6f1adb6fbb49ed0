"""A tunnel that lives has a lease; what one cut off is handed nothing until it is back."""

from typing import Any

import pytest
from sqlalchemy import event, text

from jobs.store import dispatch, hosts, tunnels
from jobs.store.tunnels import TunnelRow
from jobs.tunnels import TunnelReport, TunnelState
from tests.jobs.store.desk import Desk

UP = TunnelReport(name="home", state=TunnelState.UP)
DOWN = TunnelReport(name="home", state=TunnelState.DEGRADED, reason="Redis does not answer.")
#: What a later version may say of itself.
ODD = '{"name": "home", "state": "odd"}'


def tunnel(**changes: Any) -> TunnelRow:
    values: dict[str, Any] = {
        "name": "home",
        "session": "first",
        "guard": "studio's",
        "brings": True,
        "pools": (),
        "machine": "studio",
        "version": "1",
        "report": UP,
    }
    return TunnelRow(**values | changes)


def take(desk: Desk, **changes: Any) -> int | None:
    with desk.store.write() as c:
        return tunnels.take(c, tunnel(**changes))


def renew(desk: Desk, session: str = "first", report: TunnelReport = UP) -> bool:
    with desk.store.write() as c:
        return tunnels.renew(c, "home", session, report)


def found(desk: Desk) -> list[TunnelRow]:
    with desk.store.read() as c:
        return tunnels.listing(c)


def fall_silent(desk: Desk) -> None:
    """Let the lease run out, as if nothing had been heard for a while of anybody."""
    with desk.store.write() as c:
        c.execute(text("UPDATE tunnels SET lease_until = lease_until - 20, seen_at = seen_at - 20"))
        c.execute(text("UPDATE hosts SET seen_at = seen_at - 10"))


def serve(desk: Desk, name: str, pool: str, guard: str) -> None:
    with desk.store.write() as c:
        hosts.announce(
            c,
            hosts.HostRow(
                name=name,
                session=name,
                pool=pool,
                slots=1,
                models=("demo",),
                machine="",
                version="",
                guard=guard,
            ),
        )


def live(desk: Desk) -> list[str]:
    with desk.store.read() as c:
        return [pool.name for pool in dispatch.live_pools(c, alive_s=30)]


def test_a_tunnel_is_listed_with_what_it_said_last(desk: Desk) -> None:
    assert take(desk, pools=("chat", "mlx")) == 1
    assert renew(desk, report=DOWN)

    (row,) = found(desk)

    assert (row.report, row.pools, row.is_alive, row.epoch) == (DOWN, ("chat", "mlx"), True, 1)


def test_a_tunnel_that_lives_elsewhere_keeps_its_name(desk: Desk) -> None:
    take(desk)

    assert take(desk, session="second", guard="laptop's") is None

    fall_silent(desk)
    assert take(desk, session="second", guard="laptop's") == 2
    assert not renew(desk, "first")


def test_a_tunnel_begun_again_on_its_machine_waits_for_no_lease(desk: Desk) -> None:
    take(desk)

    assert take(desk, session="second") == 2


def test_a_tunnel_that_ends_takes_only_itself_out(desk: Desk) -> None:
    take(desk)
    with desk.store.write() as c:
        tunnels.leave(c, "home", "another")
    assert len(found(desk)) == 1

    with desk.store.write() as c:
        tunnels.leave(c, "home", "first")

    assert found(desk) == []


def test_workers_that_come_through_a_tunnel_are_handed_nothing_while_it_is_not_heard_of(
    desk: Desk,
) -> None:
    serve(desk, "mlx@studio", "mlx", "studio's")
    serve(desk, "ollama@server", "ollama", "server's")
    take(desk)
    assert live(desk) == ["mlx", "ollama"]

    fall_silent(desk)
    assert live(desk) == ["ollama"]
    with desk.store.read() as c:
        assert {host: row.name for host, row in tunnels.cut_off(c).items()} == {
            "mlx@studio": "home"
        }

    renew(desk)
    assert live(desk) == ["mlx", "ollama"]


def test_what_is_cut_off_is_asked_at_once_for_a_tunnel_may_leave_meanwhile(desk: Desk) -> None:
    serve(desk, "mlx@studio", "mlx", "studio's")
    take(desk, name="second", session="second")
    take(desk, pools=("mlx",))
    fall_silent(desk)
    asked: list[str] = []

    with desk.store.read() as c:
        event.listen(c, "before_cursor_execute", lambda *said: asked.append(said[2]))
        cut = tunnels.cut_off(c)

    assert [row.name for row in cut.values()] == ["home"]
    assert len(asked) == 1


def test_what_a_newer_version_says_of_itself_is_told_as_far_as_it_is_understood(
    desk: Desk,
) -> None:
    serve(desk, "far", "chat", "server's")
    take(desk, version="9.0", pools=("chat",))
    with desk.store.write() as c:
        c.execute(text("UPDATE tunnels SET state = 'odd', report = :said"), {"said": ODD})

    (row,) = found(desk)

    assert (row.name, row.is_alive, row.report.state) == ("home", True, TunnelState.HALTED)
    assert "It runs Nightmill 9.0" in row.report.reason
    with desk.store.read() as c:
        assert tunnels.cut_off(c).keys() == {"far"}


def test_a_worker_that_is_heard_of_after_its_tunnel_has_another_way(desk: Desk) -> None:
    serve(desk, "mlx@studio", "mlx", "studio's")
    take(desk)
    fall_silent(desk)
    assert live(desk) == []

    with desk.store.write() as c:
        hosts.seen(c, "mlx@studio", "mlx@studio")

    assert live(desk) == ["mlx"]


def test_workers_that_need_no_tunnel_do_not_mind_one_of_their_machine(desk: Desk) -> None:
    serve(desk, "mlx@studio", "mlx", "studio's")
    take(desk, brings=False)

    fall_silent(desk)

    assert live(desk) == ["mlx"]


@pytest.mark.parametrize("pool", ["studio_chat", "studio-chat"])
def test_a_pool_that_is_reached_through_a_tunnel_waits_until_all_of_it_answers(
    desk: Desk, pool: str
) -> None:
    serve(desk, "far", pool, "server's")
    serve(desk, "near", "studioxchat", "server's")
    take(desk, pools=(pool,), brings=False)
    assert live(desk) == [pool, "studioxchat"]

    renew(desk, report=DOWN)
    assert live(desk) == ["studioxchat"]

    renew(desk)
    assert live(desk) == [pool, "studioxchat"]


def test_a_tunnel_that_was_ended_cuts_nobody_off(desk: Desk) -> None:
    serve(desk, "mlx@studio", "mlx", "studio's")
    take(desk)
    fall_silent(desk)

    with desk.store.write() as c:
        tunnels.leave(c, "home", "first")

    assert live(desk) == ["mlx"]


def test_a_pool_that_was_reached_through_a_tunnel_waits_for_one_that_was_ended(desk: Desk) -> None:
    serve(desk, "mlx@studio", "mlx", "studio's")
    serve(desk, "far", "chat", "server's")
    take(desk, pools=("chat",))

    with desk.store.write() as c:
        tunnels.leave(c, "home", "another")
    assert live(desk) == ["chat", "mlx"]
    with desk.store.write() as c:
        tunnels.leave(c, "home", "first")

    assert live(desk) == ["mlx"]
    (row,) = found(desk)
    assert (row.report.state, row.is_alive) == (TunnelState.IDLE, False)
    take(desk, session="second", pools=("chat",))
    assert live(desk) == ["chat", "mlx"]


def test_a_tunnel_that_is_gone_for_good_is_forgotten_and_one_that_lives_is_not(desk: Desk) -> None:
    serve(desk, "far", "chat", "server's")
    take(desk, pools=("chat",))
    with desk.store.write() as c:
        assert not tunnels.forget(c, "home")

    fall_silent(desk)
    assert live(desk) == []
    with desk.store.write() as c:
        assert not tunnels.forget(c, "another")
        assert tunnels.forget(c, "home")

    assert (found(desk), live(desk)) == ([], ["chat"])


def test_what_a_machine_has_dialled_and_has_no_more_is_forgotten(desk: Desk) -> None:
    for name, guard in (("old", "studio's"), ("other", "studio's"), ("far", "laptop's")):
        take(desk, name=name, session=name, guard=guard)
    with desk.store.write() as c:
        tunnels.forget_others(c, "studio's", ["home", "other"])
    assert [row.name for row in found(desk)] == ["far", "old", "other"]

    fall_silent(desk)
    with desk.store.write() as c:
        tunnels.forget_others(c, "studio's", ["home", "other"])

    assert [row.name for row in found(desk)] == ["far", "other"]
