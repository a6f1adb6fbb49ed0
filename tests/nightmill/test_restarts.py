import pytest

from jobs.errors import StoppedEarlyError
from nightmill.embedded.pool_worker import Death, PoolWorker
from nightmill.embedded.restarts import MAX_DELAY_S, MAX_QUICK_DEATHS, QUICK_S, Restarts


class FakeChild:
    """A child that lives until it is told its exit status."""

    def __init__(self, started: float) -> None:
        self.started = started
        self.exit_status: int | None = None
        self.asked = 0
        self.log = "worker.log"

    def ask_to_end(self) -> None:
        self.asked += 1

    def ends_within(self, seconds: float) -> bool:
        return self.asked > 0

    def kill(self) -> None:
        self.exit_status = -9

    def last_words(self) -> str:
        return "what it said last"


class Nursery:
    """Starts fake children, and keeps the time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.children: list[FakeChild] = []
        self.sessions: list[str] = []
        self.is_served = False
        self.worker = PoolWorker("fake", self.start, lambda: self.is_served)  # type: ignore[arg-type]

    def start(self, session: str) -> FakeChild:
        self.sessions.append(session)
        self.children.append(FakeChild(self.now))
        return self.children[-1]

    def tend(self, after_s: float = 0.0) -> Death | None:
        self.now += after_s
        return self.worker.tend(self.now)

    def dies(self, after_s: float, status: int = 1) -> Death | None:
        self.children[-1].exit_status = status
        return self.tend(after_s)


@pytest.fixture
def nursery() -> Nursery:
    return Nursery()


def test_the_first_death_is_followed_by_a_start_at_once() -> None:
    assert Restarts().after(1.0).delay_s == 0.0


def test_quick_deaths_in_a_row_are_followed_by_longer_and_longer_pauses() -> None:
    restarts, delays = Restarts(), []
    for _ in range(20):
        restarts = restarts.after(1.0)
        delays.append(restarts.delay_s)

    assert delays == sorted(delays)
    assert delays[-1] == MAX_DELAY_S


def test_a_long_life_makes_earlier_deaths_forgotten() -> None:
    restarts = Restarts()
    for _ in range(MAX_QUICK_DEATHS):
        restarts = restarts.after(1.0)

    assert restarts.are_pointless
    assert not restarts.after(QUICK_S).are_pointless


def test_a_dead_workers_session_is_returned_and_the_next_has_its_own(nursery: Nursery) -> None:
    assert nursery.tend() is None
    assert nursery.tend() is None

    assert nursery.dies(after_s=60) == Death(nursery.sessions[0], is_violent=False)
    assert nursery.tend() is None
    assert len(set(nursery.sessions)) == 2


def test_only_a_death_by_a_signal_counts_as_violent(nursery: Nursery) -> None:
    nursery.tend()

    death = nursery.dies(after_s=60, status=-9)

    assert death is not None
    assert death.is_violent


def test_a_worker_that_dies_each_time_ends_in_an_error_with_its_last_words(
    nursery: Nursery,
) -> None:
    for _ in range(MAX_QUICK_DEATHS - 1):
        nursery.tend(after_s=MAX_DELAY_S)
        nursery.dies(after_s=1)
    nursery.tend(after_s=MAX_DELAY_S)

    with pytest.raises(StoppedEarlyError, match=r"(?s)pool fake.*what it said last.*same command"):
        nursery.dies(after_s=1)


def test_a_worker_that_cannot_run_as_configured_is_not_started_again(nursery: Nursery) -> None:
    nursery.tend()

    with pytest.raises(StoppedEarlyError):
        nursery.dies(after_s=1, status=2)


def test_a_pool_that_somebody_elses_worker_serves_is_left_alone_until_that_is_gone(
    nursery: Nursery,
) -> None:
    nursery.is_served = True
    nursery.tend()
    assert nursery.children == []

    nursery.is_served = False
    nursery.tend()
    assert len(nursery.children) == 1


def test_the_end_of_a_worker_gives_its_session_back_once(nursery: Nursery) -> None:
    nursery.tend()

    assert nursery.worker.end() == nursery.sessions[0]
    assert nursery.worker.end() is None
