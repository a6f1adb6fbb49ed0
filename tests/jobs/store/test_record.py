"""How attempts end: what is taken, what comes too late, and what is written down."""

import pytest

from jobs.codes import ErrorCode
from jobs.states import JobState
from jobs.store import batches
from jobs.store.errors import DataFault
from tests.jobs.store.desk import Desk, line, outcome


def test_an_answer_becomes_the_jobs_result(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    done = outcome(
        job,
        text="Grüße 🌍",
        reasoning="hm",
        finish_reason="length",
        input_tokens=5,
        output_tokens=7,
        model="demo-4bit",
    )
    assert desk.record(done) == {job.job_id}
    (row,) = desk.page()
    assert (row.state, row.run, row.text, row.reasoning) == ("succeeded", 1, "Grüße 🌍", "hm")
    assert (row.finish_reason, row.input_tokens, row.output_tokens) == ("length", 5, 7)
    assert (row.model, row.error_code) == ("demo-4bit", None)


def test_a_finished_job_is_counted_with_its_tokens(desk: Desk) -> None:
    desk.batch()
    jobs = desk.take(2)
    desk.record(outcome(jobs[0], input_tokens=5, output_tokens=7, finish_reason="length"))
    desk.record(outcome(jobs[1], JobState.FAILED, input_tokens=1))
    counts = desk.counts()
    assert (counts.pending, counts.succeeded, counts.failed, counts.cut) == (8, 1, 1, 1)
    assert (counts.input_tokens, counts.output_tokens) == (6, 7)


def test_a_failure_is_recorded_with_its_code_and_message(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.FAILED))
    (row,) = desk.page()
    assert (row.state, row.text) == ("failed", None)
    assert (row.error_code, row.error_message) == (ErrorCode.REFUSED, "No.")


def test_every_attempt_that_ends_is_written_down(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.PENDING, error_code=ErrorCode.TIMED_OUT))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.PENDING))
    (job,) = desk.take()
    desk.record(outcome(job))
    assert desk.attempts() == [(1, 1, "error"), (1, 2, "handed_back"), (1, 3, "succeeded")]


def test_an_attempt_tells_who_made_it_and_when(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.FAILED, input_tokens=2))
    (row,) = desk.ask("SELECT * FROM attempts")
    assert (row.epoch, row.session, row.host, row.pool) == (1, "s1", "studio", "mlx")
    assert (row.model, row.error_code, row.input_tokens) == ("demo", "refused", 2)
    assert row.started_at == job.started_at <= row.ended_at


def test_the_same_outcome_twice_counts_once(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    assert desk.record(outcome(job)) == {job.job_id}
    assert desk.record(outcome(job)) == set()
    assert desk.attempts() == [(1, 1, "succeeded")]
    assert desk.counted() == desk.recount()


def test_the_same_outcome_twice_in_one_group_counts_once(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    assert desk.record(outcome(job), outcome(job, JobState.FAILED)) == {job.job_id}
    assert desk.attempts() == [(1, 1, "succeeded")]
    assert desk.counted() == desk.recount()


def test_a_late_answer_is_welcome_while_the_job_waits(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    assert desk.reap() == 1
    assert desk.record(outcome(job)) == {job.job_id}
    assert desk.states() == {1: "succeeded"}


def test_a_late_answer_is_welcome_while_the_job_is_dispatched_again(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    desk.reap()
    hints = desk.dispatch()
    assert desk.record(outcome(job)) == {job.job_id}
    assert desk.claim(hints) == []


def test_a_late_answer_wins_over_the_session_that_runs_the_job_now(desk: Desk) -> None:
    desk.batch(line(1))
    (old,) = desk.take(lease_s=-1)
    desk.reap()
    (new,) = desk.take(session="s2")
    assert desk.record(outcome(old, text="old")) == {old.job_id}
    assert desk.record(outcome(new, session="s2", text="new")) == set()
    assert desk.page()[0].text == "old"
    assert desk.attempts() == [(1, 1, "succeeded"), (1, 2, "late")]


def test_a_late_answer_replaces_the_lost_attempt(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    desk.reap()
    assert desk.attempts() == [(1, 1, "lost")]
    desk.record(outcome(job))
    assert desk.attempts() == [(1, 1, "succeeded")]


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.PENDING])
def test_a_late_failure_is_refused(desk: Desk, state: JobState) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    desk.reap()
    assert desk.record(outcome(job, state)) == set()
    assert desk.states() == {1: "pending"}
    assert desk.attempts() == [(1, 1, "late")]


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.PENDING])
def test_a_failure_of_an_earlier_epoch_is_refused(desk: Desk, state: JobState) -> None:
    desk.batch(line(1))
    (old,) = desk.take(lease_s=-1)
    desk.reap()
    desk.take()
    assert desk.record(outcome(old, state)) == set()
    assert desk.states() == {1: "running"}


def test_a_failure_from_another_session_is_refused(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(session="s1")
    assert desk.record(outcome(job, JobState.FAILED, session="s2")) == set()
    assert desk.states() == {1: "running"}


def test_an_answer_to_a_cancelled_job_is_late(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.cancel()
    assert desk.record(outcome(job)) == set()
    assert desk.states() == {1: "cancelled"}
    assert desk.attempts() == [(1, 1, "late")]


def test_an_answer_of_an_earlier_run_is_late(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.cancel()
    desk.resume()
    assert desk.record(outcome(job)) == set()
    assert desk.states() == {1: "pending"}


def test_an_outcome_of_a_deleted_batch_is_dropped(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    with desk.store.write() as c:
        batches.delete(c, "b-1")
    assert desk.record(outcome(job)) == set()
    assert desk.attempts() == []


def test_a_hand_back_counts_nothing_and_comes_again_at_once(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.PENDING))
    (again,) = desk.take()
    assert again.errors == 0


def test_a_counted_error_is_remembered(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.PENDING, counted_errors=1))
    (again,) = desk.take()
    assert again.errors == 1


def test_a_job_to_be_retried_later_is_not_dispatched_before(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.PENDING, retry_in_s=3600))
    assert desk.dispatch() == []
    desk.do("UPDATE jobs SET not_before = not_before - 3601")
    assert len(desk.dispatch()) == 1


def test_a_try_that_comes_again_leaves_no_result(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.PENDING))
    assert desk.ask("SELECT * FROM results") == []


def test_the_lease_ends_with_the_attempt(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job))
    row = desk.job(job.job_id)
    assert (row.session, row.lease_until) == (None, None)


def test_a_group_may_be_mixed(desk: Desk) -> None:
    desk.batch()
    jobs = desk.take(3)
    taken = desk.record(
        outcome(jobs[0]),
        outcome(jobs[1], JobState.FAILED),
        outcome(jobs[2], JobState.PENDING),
        outcome(jobs[0], job_id="j-nobody"),
    )
    assert taken == {job.job_id for job in jobs}
    assert list(desk.states().values())[:3] == ["succeeded", "failed", "pending"]


def test_an_empty_group_is_allowed(desk: Desk) -> None:
    assert desk.record() == set()


def test_a_text_that_cannot_be_stored_fails_the_whole_group(desk: Desk) -> None:
    desk.batch()
    jobs = desk.take(2)
    with pytest.raises(DataFault):
        desk.record(outcome(jobs[0]), outcome(jobs[1], text="half a pair: \ud800"))
    assert desk.counts().running == 2
    assert desk.record(outcome(jobs[0])) == {jobs[0].job_id}


def test_an_outcome_that_is_late_twice_in_one_group_is_written_once(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.cancel()
    assert desk.record(outcome(job), outcome(job)) == set()
    assert desk.attempts() == [(1, 1, "late")]
