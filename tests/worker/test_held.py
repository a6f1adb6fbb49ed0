import msgspec

from jobs.model import Hint
from jobs.store.running import Beat
from tests.worker.world import claimed
from worker.held import Held
from worker.outcomes import Identity, handed_back

WHO = Identity(session="s", host="here", pool="fake")
ONE, TWO = claimed("j-1"), claimed("j-2")


def test_a_job_that_is_claimed_again_is_new_only_once_and_keeps_its_newest_epoch() -> None:
    held = Held()
    again = msgspec.structs.replace(ONE, epoch=5)

    assert held.admit([ONE]) == {"j-1": ONE}
    assert held.admit([again, TWO]) == {"j-2": TWO}

    assert held.hints() == [Hint("j-1", 5), Hint("j-2", 1)]


def test_an_outcome_is_recorded_under_the_epoch_its_job_has_by_now() -> None:
    held = Held()
    held.admit([ONE])

    held.follow(Beat(lost=(), epochs={"j-1": 3}))

    assert held.stamp(handed_back(WHO, ONE)).epoch == 3
    assert held.stamp(handed_back(WHO, TWO)).epoch == TWO.epoch


def test_what_ended_or_was_lost_is_held_no_longer() -> None:
    held = Held()
    held.admit([ONE, TWO, claimed("j-3")])

    held.drop(["j-1"])
    held.follow(Beat(lost=("j-2",), epochs={}))

    assert held.hints() == [Hint("j-3", 1)]
    assert held.hints(without={"j-3"}) == []
