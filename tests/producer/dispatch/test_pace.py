"""How fast a batch goes, and from when on that is told."""

import pytest

from jobs.model import Counts
from jobs.store.batches import Place
from producer.pace import Pace
from producer.paces import Paces

ROWS = 1000
TOKENS = 50
QUICK, SLOW = Place("demo", "mlx"), Place("qwen3:8b", "ollama")


def at(finished: int, running: int = 8) -> Counts:
    return Counts(
        pending=ROWS - finished - running,
        running=running,
        succeeded=finished,
        output_tokens=TOKENS * finished,
    )


def watched(finished_at: dict[int, int], until_s: int, running: int = 8) -> list[float]:
    """Jobs a second at every second: so many have finished in all, from each of these seconds."""
    pace = Pace.from_now(at(0, running), 0.0)
    told, finished = [], 0
    for second in range(1, until_s + 1):
        finished = finished_at.get(second, finished)
        pace = pace.seen(at(finished, running), float(second))
        assert pace.tokens_per_s == pytest.approx(TOKENS * pace.jobs_per_s)
        told.append(pace.jobs_per_s)
    return told


def test_the_time_for_loading_a_model_makes_nothing_slower() -> None:
    """A model loads for half a minute; then eight jobs end every twenty seconds."""
    told = watched({50: 8, 70: 16, 90: 24}, 95)

    assert told[: 70 - 1] == [0.0] * 69
    assert told[70 - 1 :] == [pytest.approx(8 / 20)] * 26


def test_jobs_that_end_one_after_the_other_because_they_began_together_make_nothing_quicker() -> (
    None
):
    """Seven of eight slots end within seconds of the first one, and then none for a while."""
    told = watched({30: 1, 31: 4, 32: 8, 50: 9, 51: 12, 52: 16}, 52)

    assert told[: 50 - 1] == [0.0] * 49
    assert 0.3 < told[-1] < 0.8


def test_a_quick_batch_is_known_after_two_looks() -> None:
    assert watched({1: 300, 2: 700}, 2) == [0.0, 400.0]


def test_jobs_that_take_longer_than_a_minute_are_known_by_the_second_one_and_told_evenly() -> None:
    told = watched({100: 1, 190: 2, 280: 3}, 300, running=1)

    assert told[: 190 - 1] == [0.0] * 189
    assert told[190 - 1 :] == [pytest.approx(1 / 90)] * 111


def test_what_lets_wait_for_itself_is_told_to_be_ever_slower() -> None:
    told = watched({1: 1, 11: 2}, 111, running=1)

    assert told[11 - 1] == told[21 - 1] == pytest.approx(1 / 10)
    assert told[31 - 1] == pytest.approx(1 / 20)
    assert told[111 - 1] == pytest.approx(1 / 100)


def test_what_passes_while_nothing_runs_counts_for_nothing() -> None:
    pace = Pace.from_now(at(0, 1), 0.0)
    for second, finished in ((10, 1), (20, 2)):
        pace = pace.seen(at(finished, 1), float(second))
    for second in range(21, 3600):
        pace = pace.seen(at(2, running=0), float(second))

    assert pace.seen(at(3, 1), 3609.0).jobs_per_s == pytest.approx(1 / 10)


def test_rows_that_are_opened_again_are_no_step_back() -> None:
    pace = Pace.from_now(at(0), 0.0)
    for second, finished in ((1, 300), (2, 700), (3, 100), (4, 500)):
        pace = pace.seen(at(finished), float(second))

    assert pace.jobs_per_s == pytest.approx(400)


def told_on_the_way(*looks: tuple[int, Place, int, int]) -> list[float]:
    """What is told of a batch at each look: a second, who does it, jobs finished, and running."""
    paces, told = Paces(), []
    for second, place, finished, running in looks:
        paces.look({"b-1": place}, {"b-1": at(finished, running)}, float(second))
        told += [pace.jobs_per_s for _, pace in paces]
    return told


def test_a_batch_that_is_moved_has_the_pace_of_those_who_do_it_now() -> None:
    """Eight rows that were begun before the move end where they were, one after the other."""
    before = [(second, QUICK, 40 * second, 8) for second in range(4)]
    ends = [(4 + done, SLOW, 120 + done, 8 - done + 1) for done in range(9)]
    after = [(22, SLOW, 129, 1), (32, SLOW, 130, 1), (42, SLOW, 131, 1)]

    told = told_on_the_way(*before, *ends, *after)

    assert told[:4] == [0.0, 0.0, 40.0, 40.0]
    assert told[4:13] == [0.0] * 9
    assert told[-2:] == [pytest.approx(1 / 10, rel=0.05)] * 2


def test_rows_that_are_handed_back_at_a_move_are_not_waited_for() -> None:
    told = told_on_the_way(
        (0, QUICK, 0, 8),
        (1, SLOW, 0, 8),
        (2, SLOW, 0, 1),
        (12, SLOW, 1, 1),
        (22, SLOW, 2, 1),
        (32, SLOW, 3, 1),
    )

    assert told == [0.0] * 5 + [pytest.approx(1 / 10)]


def test_another_model_in_the_same_pool_is_another_place() -> None:
    moved = Place("large", QUICK.pool)
    told = told_on_the_way((0, QUICK, 0, 1), (1, QUICK, 9, 1), (2, QUICK, 18, 1), (3, moved, 27, 1))

    assert told == [0.0, 0.0, 9.0, 0.0]


def test_a_batch_that_is_not_open_any_more_is_forgotten() -> None:
    paces = Paces()
    paces.look({"b-1": QUICK}, {"b-1": at(0)}, 0.0)

    paces.look({}, {}, 1.0)

    assert list(paces) == []
