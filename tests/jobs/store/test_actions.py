"""What was done to a batch is told later, and goes with it."""

from jobs.store import actions, batches
from tests.jobs.store.desk import Desk


def verbs(desk: Desk, batch_id: str = "b-1") -> list[str]:
    with desk.store.read() as c:
        return [action.verb for action in actions.of_batch(c, batch_id)]


def test_actions_are_told_in_the_order_in_which_they_were_done(desk: Desk) -> None:
    desk.batch()
    with desk.store.write() as c:
        actions.note(c, "anna@studio", "pause", batch_id="b-1", for_s=7200)
        actions.note(c, "ben@server", "resume", batch_id="b-1")
        actions.note(c, "ben@server", "pause", pool="mlx")

    with desk.store.read() as c:
        first, second = actions.of_batch(c, "b-1")

    assert (first.who, first.verb, first.detail) == ("anna@studio", "pause", {"for_s": 7200})
    assert (second.who, second.verb, second.detail) == ("ben@server", "resume", {})
    assert first.at <= second.at


def test_a_deleted_batch_leaves_no_actions(desk: Desk) -> None:
    desk.batch()
    with desk.store.write() as c:
        actions.note(c, "anna@studio", "cancel", batch_id="b-1")

    with desk.store.write() as c:
        batches.delete(c, "b-1")

    assert verbs(desk) == []
