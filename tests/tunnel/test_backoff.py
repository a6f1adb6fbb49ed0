import pytest

from jobs.tunnels import Cause
from tunnel.backoff import HALTING, failures_after, look_s, wait_s


def longest(cause: Cause, failures: int = 1, down_s: float = 500) -> float:
    return wait_s(cause, failures, down_s, chance=1)


def test_the_longest_wait_doubles_up_to_a_minute() -> None:
    waits = [longest(Cause.LOST, failures) for failures in range(1, 9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert longest(Cause.SILENT, 10_000) == 60


def test_no_wait_is_longer_than_it_was_down_but_for_a_second() -> None:
    assert longest(Cause.LOST, 7, down_s=3) == 4


def test_chance_spreads_waits_down_to_almost_nothing() -> None:
    assert wait_s(Cause.LOST, 7, 500, chance=0.5) == 30
    assert wait_s(Cause.LOST, 7, 500, chance=0) == pytest.approx(0.1)


def test_what_did_not_reach_the_server_is_tried_again_soon_however_often_it_fails() -> None:
    assert longest(Cause.UNREACHABLE, 1000, down_s=599) == 2
    assert longest(Cause.UNREACHABLE, 1000, down_s=601) == 5


@pytest.mark.parametrize("cause", sorted(HALTING))
def test_what_somebody_has_to_see_to_waits_for_minutes_from_the_first_time_on(cause: Cause) -> None:
    assert (wait_s(cause, 1, 0, chance=0), longest(cause)) == (300, 900)


@pytest.mark.parametrize("cause", [Cause.ASKED, Cause.SLEPT])
def test_what_is_no_failure_waits_for_nothing(cause: Cause) -> None:
    assert longest(cause, 50) < 1


def test_failures_are_forgotten_once_it_was_up() -> None:
    assert failures_after(5, up_s=0.1, logins_in_a_minute=3) == 1
    assert failures_after(5, up_s=None, logins_in_a_minute=3) == 6


def test_where_it_breaks_again_and_again_only_a_minute_of_being_up_counts() -> None:
    assert failures_after(5, up_s=59, logins_in_a_minute=21) == 6
    assert failures_after(5, up_s=60, logins_in_a_minute=21) == 1


def test_what_the_server_forbids_is_looked_at_anew_ever_more_seldom() -> None:
    assert [look_s(looks) for looks in range(6)] == [60, 120, 240, 480, 900, 900]
    assert look_s(10_000) == 900
