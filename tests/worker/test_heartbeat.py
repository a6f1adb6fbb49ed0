import math

from jobs.store.hosts import Trouble
from worker.heartbeat import BUSY_S, IDLE_S, Heartbeat

TROUBLE = Trouble(text="The engine is gone.", parked_s=None)


def test_a_heart_beats_at_once_and_more_often_while_it_is_busy() -> None:
    heart = Heartbeat(lambda: 100.0)

    assert heart.due_in_s(is_busy=False) == 0
    heart.beaten(None)
    assert heart.due_in_s(is_busy=True) == BUSY_S
    assert heart.due_in_s(is_busy=False) == IDLE_S


def test_trouble_is_told_at_once() -> None:
    heart = Heartbeat(lambda: 100.0, lambda: TROUBLE)
    heart.beaten(None)

    assert heart.due_in_s(is_busy=False) == 0


def test_a_heart_that_is_switched_off_never_beats() -> None:
    heart = Heartbeat(lambda: 100.0, lambda: TROUBLE, math.inf)

    assert heart.due_in_s(is_busy=True) == math.inf
