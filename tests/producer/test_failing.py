"""When a batch fails so much that it is better paused."""

import pytest

from producer.failing import LEAST_ROWS, Ended, Endings, reason_to_pause


def after(*looks: tuple[int, int], revision: int = 1) -> Endings:
    """What is known after these looks at how many rows succeeded and failed."""
    endings = Endings(revision=1)
    for look in looks:
        endings = endings.seen(revision, Ended(*look))
    return endings


def test_nothing_is_concluded_from_a_few_rows() -> None:
    assert after((0, 0), (0, LEAST_ROWS - 1)).last is None
    assert after((0, 0), (0, LEAST_ROWS)).last == (0, LEAST_ROWS)
    assert reason_to_pause(None, 0.0) is None


def test_what_had_ended_before_the_first_look_is_not_judged() -> None:
    assert after((5, 900)).last is None
    assert after((5, 900), (105, 900)).last == (100, 0)


def test_only_the_last_rows_are_judged_however_well_it_began() -> None:
    well = [(done, 0) for done in range(0, 10_000, 50)]

    assert after(*well, (9_950, 60), (9_950, 120)).last == (0, 120)


def test_the_window_is_the_shortest_that_has_enough_rows() -> None:
    assert after((0, 0), (0, 90), (60, 90), (120, 90)).last == (120, 0)
    assert after((0, 0), (0, 30), (69, 30), (99, 31)).last == (99, 1)


def test_looks_in_which_nothing_ended_are_forgotten_and_so_are_old_ones() -> None:
    assert len(after(*[(1, 1)] * 50).looks) == 1
    assert len(after(*[(done, 0) for done in range(10_000)]).looks) <= LEAST_ROWS + 1


def test_rows_that_are_run_again_or_read_again_begin_a_new_record() -> None:
    assert after((0, 0), (0, 200), (10, 0)).last is None
    assert after((0, 0), (0, 200), (5, 10)).last is None
    assert after((0, 0), (0, 200)).seen(2, Ended(0, 500)).last is None


@pytest.mark.parametrize(
    ("failed", "allowed", "is_paused"),
    [
        (50, 0.5, False),
        (51, 0.5, True),
        (100, 1.0, False),
        (1, 0.0, True),
        (0, 0.0, False),
        (21, 0.2, True),
    ],
)
def test_more_failures_than_allowed_are_a_reason(
    failed: int, allowed: float, is_paused: bool
) -> None:
    assert (reason_to_pause(Ended(100 - failed, failed), allowed) is not None) is is_paused


def test_the_reason_has_its_numbers() -> None:
    assert reason_to_pause(Ended(400, 1_600), 0.333) == (
        "1,600 of its last 2,000 rows failed, more than the 33.3 % allowed"
    )
