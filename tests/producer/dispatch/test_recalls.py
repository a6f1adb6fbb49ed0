"""When unclaimed jobs are taken back."""

from jobs.store.ranking import Contender
from jobs.store.standings import Standing
from producer.recalls import EVERY_S, SHARE, Recalls


def standing(*contenders: Contender, is_testing: bool = False) -> Standing:
    return Standing(contenders=contenders, is_empty=False, is_testing=is_testing)


LARGE = Contender(batch_id="large", running=4, dispatched=20)
SMALL = Contender(batch_id="small")
#: All of it was handed out, behind the large one.
HANDED = Contender(batch_id="small", dispatched=3, is_waiting=False)


def test_who_waits_behind_others_is_a_reason_at_once() -> None:
    assert Recalls().is_due("mlx", standing(LARGE, SMALL), 0.0)
    assert not Recalls().is_due("mlx", standing(LARGE), 0.0)


def test_between_two_recalls_of_a_pool_some_time_passes() -> None:
    recalls = Recalls()
    recalls.done("mlx", 0.0, 0.0)
    assert not recalls.is_due("mlx", standing(LARGE, SMALL), EVERY_S / 2)
    assert recalls.is_due("ollama", standing(LARGE, SMALL), EVERY_S / 2)
    assert recalls.is_due("mlx", standing(LARGE, SMALL), EVERY_S)


def test_a_recall_that_took_long_is_not_repeated_soon() -> None:
    recalls = Recalls()
    recalls.done("mlx", 0.0, 1.0)
    assert not recalls.is_due("mlx", standing(LARGE, SMALL), 0.9 / SHARE)
    assert recalls.is_due("mlx", standing(LARGE, SMALL), 1.0 + 1.0 / SHARE)


def test_who_came_too_soon_after_a_recall_is_not_forgotten() -> None:
    recalls = Recalls()
    recalls.done("mlx", 0.0, 0.0)
    assert not recalls.is_due("mlx", standing(LARGE, SMALL), EVERY_S / 2)
    assert recalls.is_due("mlx", standing(LARGE, HANDED), EVERY_S)
    recalls.done("mlx", EVERY_S, EVERY_S)
    assert not recalls.is_due("mlx", standing(LARGE, HANDED), 9.0)


def test_where_nothing_is_left_to_take_back_there_is_no_reason_any_more() -> None:
    recalls = Recalls()
    recalls.done("mlx", 0.0, 0.0)
    recalls.is_due("mlx", standing(LARGE, SMALL), EVERY_S / 2)
    assert not recalls.is_due("mlx", standing(SMALL), EVERY_S)
    assert not recalls.is_due("mlx", standing(LARGE), EVERY_S)


def test_beside_a_suspect_nothing_is_put_in_order() -> None:
    assert not Recalls().is_due("mlx", standing(LARGE, SMALL, is_testing=True), 0.0)
