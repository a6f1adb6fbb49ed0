"""The live registry."""

import msgspec

from jobs.store import hosts
from jobs.store.store import Store
from tests.jobs.store.desk import Desk

STUDIO = hosts.HostRow(
    name="mlx@studio",
    session="s1",
    pool="mlx",
    slots=32,
    models=("demo", "big"),
    machine="M2 Ultra, 192 GB",
    version="0.1.0",
)


def test_an_announced_host_is_listed(store: Store) -> None:
    with store.write() as c:
        hosts.announce(c, STUDIO)
        hosts.announce(c, msgspec.structs.replace(STUDIO, name="mlx@mini"))
    with store.read() as c:
        mini, studio = hosts.listing(c)
    assert mini.name == "mlx@mini"
    assert studio.started_at == studio.seen_at > 0
    assert msgspec.structs.replace(studio, started_at=0, seen_at=0, silent_s=0) == STUDIO


def test_a_new_session_takes_the_place_of_the_old_one(store: Store) -> None:
    with store.write() as c:
        hosts.announce(c, STUDIO)
        hosts.announce(c, msgspec.structs.replace(STUDIO, session="s2", slots=4))
        (row,) = hosts.listing(c)
    assert (row.session, row.slots) == ("s2", 4)


def test_being_seen_is_noted_for_the_present_session_only(desk: Desk) -> None:
    with desk.store.write() as c:
        hosts.announce(c, STUDIO)
    desk.do("UPDATE hosts SET seen_at = 1")
    with desk.store.write() as c:
        assert not hosts.seen(c, "mlx@studio", "s0")
        assert hosts.listing(c)[0].seen_at == 1
        assert hosts.seen(c, "mlx@studio", "s1")
        assert hosts.listing(c)[0].seen_at > 1


def test_trouble_is_noted_with_its_beginning_until_it_is_over(desk: Desk) -> None:
    with desk.store.write() as c:
        hosts.announce(c, STUDIO)
        hosts.seen(c, STUDIO.name, "s1", hosts.Trouble(text="Not running.", parked_s=5))
    desk.do("UPDATE hosts SET troubled_since = troubled_since - 60")
    with desk.store.write() as c:
        hosts.seen(c, STUDIO.name, "s1", hosts.Trouble(text="Still not.", parked_s=5))
        (ill,) = hosts.listing(c)
        assert (ill.trouble, ill.is_out) == ("Still not.", False)
        assert ill.troubled_s is not None
        assert ill.troubled_s >= 60
        hosts.seen(c, STUDIO.name, "s1")
        (well,) = hosts.listing(c)
        assert (well.trouble, well.troubled_s, well.is_out) == (None, None, False)


def test_a_host_that_waits_for_somebody_to_look_is_out_until_it_begins_anew(desk: Desk) -> None:
    with desk.store.write() as c:
        hosts.announce(c, STUDIO)
        hosts.seen(c, STUDIO.name, "s1", hosts.Trouble(text="A leak.", parked_s=None))
        assert hosts.listing(c)[0].is_out
        hosts.announce(c, STUDIO)
        assert not hosts.listing(c)[0].is_out


def test_a_session_takes_only_itself_out(store: Store) -> None:
    with store.write() as c:
        hosts.announce(c, STUDIO)
        hosts.leave(c, "mlx@studio", "s0")
        assert len(hosts.listing(c)) == 1
        hosts.leave(c, "mlx@studio", "s1")
        assert hosts.listing(c) == []


def test_the_sessions_a_host_left_behind_are_known_by_their_jobs_too(desk: Desk) -> None:
    desk.batch()
    desk.take(1, session="s3")
    desk.take(1, session="s2")
    with desk.store.write() as c:
        hosts.announce(c, msgspec.structs.replace(STUDIO, name="studio"))
        assert hosts.sessions_of(c, "studio") == ["s1", "s2", "s3"]
        assert hosts.sessions_of(c, "mini") == []
