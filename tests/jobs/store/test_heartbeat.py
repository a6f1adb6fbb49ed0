"""A session says what it holds, and learns what it has lost."""

from jobs.model import Hint
from jobs.states import JobState
from tests.jobs.store.desk import Desk, hints_of, line, outcome


def test_a_heartbeat_extends_the_leases_of_what_is_held(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=1)
    before = desk.job(job.job_id).lease_until
    beat = desk.beat(*hints_of([job]), lease_s=60)
    assert (beat.lost, beat.epochs) == ((), {})
    assert desk.job(job.job_id).lease_until > before + 50


def test_a_heartbeat_of_an_idle_session_does_nothing(desk: Desk) -> None:
    desk.batch(line(1))
    assert desk.beat().lost == ()
    assert desk.states() == {1: "pending"}


def test_a_cancelled_job_is_lost(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.cancel()
    assert desk.beat(*hints_of([job])).lost == (job.job_id,)


def test_a_job_that_runs_elsewhere_is_lost(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    desk.reap()
    desk.take(session="s2")
    assert desk.beat(*hints_of([job])).lost == (job.job_id,)
    assert desk.job(job.job_id).session == "s2"


def test_a_job_of_a_deleted_batch_is_lost(desk: Desk) -> None:
    assert desk.beat(Hint("j-gone", 1)).lost == ("j-gone",)


def test_a_reaped_job_is_taken_back_with_a_new_epoch(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    desk.reap()
    beat = desk.beat(*hints_of([job]))
    assert (beat.lost, beat.epochs) == ((), {job.job_id: 2})
    row = desk.job(job.job_id)
    assert (row.state, row.session, row.host, row.attempt) == ("running", "s1", "studio", 1)
    assert desk.counted() == desk.recount()


def test_a_job_dispatched_again_is_taken_back_and_its_message_misses(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    desk.reap()
    hints = desk.dispatch()
    assert desk.beat(*hints_of([job])).epochs == {job.job_id: 3}
    assert desk.claim(hints, session="s2") == []


def test_a_failure_counts_again_under_the_new_epoch(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    desk.reap()
    epoch = desk.beat(*hints_of([job])).epochs[job.job_id]
    assert desk.record(outcome(job, JobState.FAILED)) == set()
    assert desk.record(outcome(job, JobState.FAILED, epoch=epoch)) == {job.job_id}


def test_a_session_that_missed_the_new_epoch_is_told_again(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    desk.reap()
    first = desk.beat(*hints_of([job]))
    assert desk.beat(*hints_of([job])).epochs == first.epochs == {job.job_id: 2}
    assert desk.beat(Hint(job.job_id, 2)).epochs == {}


def test_the_next_run_of_a_job_is_not_taken_for_the_one_that_is_held(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.cancel()
    desk.resume()
    assert desk.beat(*hints_of([job])).lost == (job.job_id,)
    assert desk.states() == {1: "pending"}


def test_a_job_that_the_session_does_not_hold_goes_back(desk: Desk) -> None:
    desk.batch()
    jobs = desk.take(2)
    desk.do("UPDATE jobs SET started_at = started_at - 10")
    desk.beat(*hints_of(jobs[:1]))
    assert list(desk.states().values())[:2] == ["running", "pending"]
    assert desk.attempts() == [(1, 1, "lost")]
    assert desk.counted() == desk.recount()


def test_a_job_claimed_a_moment_ago_is_not_missed_yet(desk: Desk) -> None:
    desk.batch(line(1))
    desk.take()
    desk.beat()
    assert desk.states() == {1: "running"}


def test_a_heartbeat_leaves_other_sessions_alone(desk: Desk) -> None:
    desk.batch()
    desk.take(2, session="s2")
    desk.do("UPDATE jobs SET started_at = started_at - 10")
    desk.beat(session="s1")
    assert desk.counts().running == 2
