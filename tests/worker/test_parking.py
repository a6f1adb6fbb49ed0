import math

from worker.parking import LONGEST_S, Parking


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_all_is_well_until_the_backend_fails() -> None:
    assert Parking(Clock()).trouble is None


def test_jobs_that_fail_together_park_the_host_once() -> None:
    parking = Parking(Clock())
    assert [parking.begin("Not running.", 5.0) for _ in range(3)] == [5.0, 0.0, 0.0]


def test_a_backend_that_fails_again_and_again_is_asked_ever_more_seldom() -> None:
    clock, waits = Clock(), []
    parking = Parking(clock)
    for _ in range(6):
        waits.append(parking.begin("Not running.", 5.0))
        clock.now += waits[-1]
    assert waits == [5.0, 10.0, 20.0, 40.0, LONGEST_S, LONGEST_S]


def test_the_trouble_outlasts_the_park_and_ends_with_an_answer() -> None:
    clock = Clock()
    parking = Parking(clock)
    parking.begin("Not running.", 5.0)
    clock.now += 2.0
    assert parking.trouble is not None
    assert (parking.trouble.text, parking.trouble.parked_s) == ("Not running.", 3.0)
    clock.now += 10.0
    assert parking.trouble is not None
    assert parking.trouble.parked_s == 0.0
    parking.end()
    assert parking.trouble is None
    assert parking.begin("Not running.", 5.0) == 5.0


def test_a_park_for_good_is_neither_shortened_nor_ended_by_an_answer() -> None:
    parking = Parking(Clock())
    parking.begin("Not running.", 5.0)
    assert parking.begin("It went to the cloud.", math.inf) == math.inf
    assert parking.begin("Not running.", 5.0) == 0.0
    parking.end()
    assert parking.trouble is not None
    assert (parking.trouble.text, parking.trouble.parked_s) == ("It went to the cloud.", None)
