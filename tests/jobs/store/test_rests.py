"""Pools at rest: nothing is handed to them, and when that ends everything goes on."""

import pytest

from jobs.store import dispatch, hosts, rests
from jobs.store.hosts import Rest
from tests.jobs.store.desk import Desk

TEN_O_CLOCK = 4e9
NIGHTLY = Rest(because="hours", until=TEN_O_CLOCK)


def host(name: str, pool: str = "mlx", rest: Rest | None = None) -> hosts.HostRow:
    return hosts.HostRow(
        name=name,
        session=f"session of {name}",
        pool=pool,
        slots=2,
        models=("demo",),
        machine="",
        version="0",
        rest=rest,
    )


def announce(desk: Desk, *rows: hosts.HostRow) -> None:
    with desk.store.write() as c:
        for row in rows:
            hosts.announce(c, row)


def pause(desk: Desk, pool: str = "mlx", for_s: float | None = None) -> int:
    with desk.store.write() as c:
        return rests.pause(c, pool, "filming", for_s)


def go_on(desk: Desk, pool: str = "mlx") -> bool:
    with desk.store.write() as c:
        return rests.go_on(c, pool)


def live(desk: Desk) -> list[str]:
    with desk.store.read() as c:
        return [pool.name for pool in dispatch.live_pools(c, alive_s=30)]


def resting(desk: Desk) -> dict[str, Rest]:
    with desk.store.read() as c:
        return rests.of_pools(c)


def test_a_paused_pool_is_handed_nothing_and_what_it_was_handed_is_taken_back(desk: Desk) -> None:
    announce(desk, host("studio"), host("server", "ollama"))
    desk.batch()
    desk.take(2)
    sent = desk.dispatch(3)

    assert pause(desk) == 3

    assert live(desk) == ["ollama"]
    assert desk.claim(sent) == []
    assert (desk.counts().pending, desk.counts().running) == (8, 2)
    assert desk.counted() == desk.recount()
    assert resting(desk) == {"mlx": Rest(because="paused", until=None, reason="filming")}


def test_a_pool_works_again_when_it_is_resumed(desk: Desk) -> None:
    announce(desk, host("studio"))
    pause(desk)

    assert go_on(desk)

    assert live(desk) == ["mlx"]
    assert resting(desk) == {}
    assert not go_on(desk)


def test_a_pause_with_an_end_is_over_by_itself(desk: Desk) -> None:
    announce(desk, host("studio"))
    pause(desk, for_s=100)
    assert live(desk) == []
    with desk.store.read() as c:
        assert not rests.is_any_due(c)
        (rest,) = rests.paused(c).values()
        assert rest.until is not None

    desk.do("UPDATE pools SET paused_until = paused_until - 101")

    assert live(desk) == ["mlx"]
    with desk.store.write() as c:
        assert (rests.pause_of(c, "mlx"), rests.paused(c)) == (None, {})
        assert rests.is_any_due(c)
        assert rests.end_due(c) == ["mlx"]
        assert rests.end_due(c) == []


def test_the_last_pause_counts(desk: Desk) -> None:
    pause(desk, for_s=100)
    pause(desk)
    assert resting(desk)["mlx"].until is None

    pause(desk, for_s=100)
    assert resting(desk)["mlx"].until is not None


def test_a_pool_that_nobody_serves_may_be_paused(desk: Desk) -> None:
    pause(desk, "later")
    announce(desk, host("studio"), host("mini", "later"))

    assert live(desk) == ["mlx"]


def test_a_host_that_rests_is_handed_nothing_and_says_until_when(desk: Desk) -> None:
    announce(desk, host("studio", rest=NIGHTLY))
    assert live(desk) == []
    assert resting(desk) == {"mlx": NIGHTLY}

    with desk.store.write() as c:
        hosts.seen(c, "studio", "session of studio")
    assert live(desk) == ["mlx"]
    assert resting(desk) == {}

    with desk.store.write() as c:
        hosts.seen(c, "studio", "session of studio", None, NIGHTLY)
        assert hosts.listing(c)[0].rest == NIGHTLY
    assert live(desk) == []

    announce(desk, host("studio"))
    assert live(desk) == ["mlx"]


def test_a_pool_works_while_one_of_its_living_hosts_does(desk: Desk) -> None:
    announce(desk, host("studio", rest=NIGHTLY), host("mini"))
    assert resting(desk) == {}
    assert live(desk) == ["mlx"]

    desk.do("UPDATE hosts SET seen_at = seen_at - 100 WHERE name = 'mini'")

    assert resting(desk) == {"mlx": NIGHTLY}


def test_a_pool_rests_until_the_first_of_its_hosts_works_again(desk: Desk) -> None:
    later = Rest(because="hours", until=TEN_O_CLOCK + 60)
    endless = Rest(because="paused", until=None)
    announce(desk, host("a", rest=later), host("b", rest=NIGHTLY), host("c", rest=endless))

    assert resting(desk) == {"mlx": NIGHTLY}


def test_of_two_reasons_to_rest_the_longer_one_is_told(desk: Desk) -> None:
    announce(desk, host("studio", rest=NIGHTLY))

    pause(desk, for_s=100)
    assert resting(desk)["mlx"] == NIGHTLY

    pause(desk)
    assert resting(desk)["mlx"].because == "paused"


@pytest.mark.parametrize("paused", [True, False])
def test_what_was_handed_to_a_pool_that_rests_is_taken_back(desk: Desk, paused: bool) -> None:
    desk.batch()
    if paused:
        pause(desk)
    else:
        announce(desk, host("studio", rest=NIGHTLY))
    # By a dispatcher that had looked a moment before.
    sent = desk.dispatch(3)
    with desk.store.write() as c:
        assert rests.recall(c) == 3
        assert rests.recall(c) == 0

    assert desk.claim(sent) == []
    assert desk.counted() == desk.recount()


def test_what_was_handed_to_a_pool_that_works_stays(desk: Desk) -> None:
    announce(desk, host("studio"), host("mini", "ollama", rest=NIGHTLY))
    desk.batch()
    desk.dispatch(3)

    with desk.store.write() as c:
        assert rests.recall(c) == 0
