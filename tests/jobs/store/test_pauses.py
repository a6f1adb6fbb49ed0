"""A paused batch is left alone until somebody says otherwise, and nobody else waits for it."""

from collections import Counter

import pytest

from jobs.states import JobState
from jobs.store import batches, editing, ingest, pauses
from tests.jobs.store.desk import Desk, hints_of, line, new_batch, outcome

WHY = "60 of its last 100 rows failed"


def pause(desk: Desk, batch_id: str = "b-1") -> Counter[str] | None:
    with desk.store.write() as c:
        return pauses.pause(c, batch_id, WHY)


def go_on(desk: Desk, batch_id: str = "b-1") -> bool:
    with desk.store.write() as c:
        return pauses.go_on(c, batch_id)


def reason(desk: Desk, batch_id: str = "b-1") -> str | None:
    with desk.store.read() as c:
        return batches.get(c, batch_id).paused_reason


def test_nothing_more_of_a_paused_batch_is_handed_out(desk: Desk) -> None:
    desk.batch()
    held = desk.take(2)
    sent = desk.dispatch(3)

    assert pause(desk) == Counter(mlx=3)

    assert reason(desk) == WHY
    assert desk.batch_state() == "open"
    assert desk.dispatch() == []
    assert desk.claim(sent) == []
    assert desk.record(*map(outcome, held)) == {job.job_id for job in held}
    assert desk.counted() == desk.recount()
    assert (desk.counts().pending, desk.counts().succeeded) == (8, 2)


def test_what_runs_of_a_paused_batch_is_kept_by_its_heartbeat(desk: Desk) -> None:
    desk.batch()
    held = hints_of(desk.take(2))
    pause(desk)

    assert desk.beat(*held).lost == ()


def test_other_batches_are_not_held_up(desk: Desk) -> None:
    desk.batch(batch_id="b-1", priority=5)
    desk.batch(line(1), batch_id="b-2")

    assert pause(desk, "b-1") == Counter()

    assert len(desk.take()) == 1
    with desk.store.read() as c:
        assert [batch.id for batch in batches.handed_out(c)] == ["b-2"]


def test_a_batch_goes_on_with_all_that_is_left_when_it_is_resumed(desk: Desk) -> None:
    desk.batch()
    desk.dispatch(3)
    pause(desk)

    assert go_on(desk)

    assert reason(desk) is None
    assert len(desk.take()) == 10
    assert not go_on(desk)


def test_only_an_open_batch_is_paused_and_only_once(desk: Desk) -> None:
    desk.batch(batch_id="b-1")
    desk.batch(batch_id="b-2")
    desk.cancel("b-1")
    assert pause(desk, "b-1") is None
    assert pause(desk, "b-2") == Counter()
    with desk.store.write() as c:
        assert pauses.pause(c, "b-2", "another reason") is None

    assert reason(desk, "b-1") is None
    assert reason(desk, "b-2") == WHY


def test_the_word_of_a_user_counts_instead_of_the_brake_s_and_not_the_other_way_round(
    desk: Desk,
) -> None:
    desk.batch()
    pause(desk)
    with desk.store.write() as c:
        assert pauses.pause(c, "b-1", "not now", "anna@studio", for_s=100) == Counter()
        assert pauses.pause(c, "b-1", WHY) is None
        batch = batches.get(c, "b-1")

    assert (batch.paused_reason, batch.paused_by) == ("not now", "anna@studio")
    assert batch.paused_until is not None


def test_a_pause_with_an_end_is_due_when_that_has_come(desk: Desk) -> None:
    desk.batch(batch_id="b-1")
    desk.batch(batch_id="b-2")
    pause(desk, "b-1")
    with desk.store.write() as c:
        pauses.pause(c, "b-2", "not now", "anna@studio", for_s=100)
        assert not pauses.is_any_to_see_to(c)
        assert pauses.end_due(c) == []
    desk.do("UPDATE batches SET paused_until = paused_until - 101")
    with desk.store.write() as c:
        assert pauses.is_any_to_see_to(c)
        assert pauses.end_due(c) == ["b-2"]
        batch = batches.get(c, "b-2")
        assert pauses.end_due(c) == []

    assert (batch.paused_reason, batch.paused_by, batch.paused_until) == (None, "", None)


def test_a_batch_is_paused_while_its_input_is_being_read(desk: Desk) -> None:
    with desk.store.write() as c:
        batch = batches.create(c, "b-1", new_batch())
        assert pauses.pause(c, "b-1", "not now", "anna@studio") == Counter()
        ingest.add(c, batch.id, batch.revision, [line(1)])
        batches.finish_ingest(c, "b-1", "hash")

    assert desk.dispatch(1) == []


@pytest.mark.parametrize("verb", ["resume", "reread", "retry", "cancel"])
def test_whoever_looks_after_a_batch_ends_its_pause(desk: Desk, verb: str) -> None:
    desk.batch()
    done, failed = desk.take(2)
    desk.record(outcome(done), outcome(failed, JobState.FAILED))
    pause(desk)

    getattr(desk, verb)()

    assert reason(desk) is None


def test_a_batch_whose_last_jobs_end_after_the_pause_is_completed(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    pause(desk)
    desk.record(outcome(job))

    assert desk.finalize() == ["b-1"]
    assert reason(desk) is None


def test_how_much_may_fail_is_half_unless_said_otherwise(desk: Desk) -> None:
    desk.batch(batch_id="b-1")
    desk.batch(batch_id="b-2", max_failures=0.1)
    with desk.store.write() as c:
        editing.change(c, "b-1", editing.Changes(max_failures=1.0))

    with desk.store.read() as c:
        assert [batches.get(c, name).max_failures for name in ("b-1", "b-2")] == [1.0, 0.1]


def test_a_delivery_counts_until_the_batch_has_another_end(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()

    def deliver() -> bool:
        with desk.store.write() as c:
            batches.note_delivery(c, "b-1")
            return batches.is_delivered(c, "b-1")

    assert not deliver()
    desk.record(outcome(job, JobState.FAILED))
    desk.finalize()
    assert deliver()
    desk.retry()
    with desk.store.read() as c:
        assert not batches.is_delivered(c, "b-1")


def test_what_was_handed_out_in_the_moment_of_a_pause_is_taken_back(desk: Desk) -> None:
    desk.batch()
    desk.dispatch(3)
    # As where neither of two transactions saw the other.
    desk.do("UPDATE batches SET paused_reason = 'not now', paused_by = 'anna@studio'")
    with desk.store.write() as c:
        assert pauses.is_any_to_see_to(c)
        assert pauses.recall_paused(c) == 3

    assert set(desk.states().values()) == {"pending"}
    assert desk.counted() == desk.recount()
