"""What was held by somebody who is gone."""

from jobs.codes import ErrorCode
from jobs.model import Claimed
from jobs.states import JobState
from tests.jobs.store.desk import Desk, hints_of, line, outcome


def test_a_job_whose_lease_ran_out_goes_back_and_is_charged_nothing(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    assert desk.reap() == 1
    row = desk.job(job.job_id)
    assert (row.state, row.errors, row.crashes, row.suspect) == ("pending", 0, 0, 0)
    assert (row.session, row.lease_until) == (None, None)
    assert desk.counted() == desk.recount()


def test_a_job_under_its_lease_is_not_reaped(desk: Desk) -> None:
    desk.batch(line(1))
    desk.take(lease_s=60)
    assert desk.reap() == 0


def test_a_silent_session_loses_all_its_jobs_at_once(desk: Desk) -> None:
    """One that was claimed a moment later would else look as if it had been alone."""
    desk.batch(line(1), line(2))
    earlier, later = desk.dispatch()
    desk.claim([earlier], lease_s=-1)
    desk.claim([later], lease_s=60)
    assert desk.reap() == 2
    assert desk.release("s1") == 0
    assert desk.ask("SELECT DISTINCT state, crashes, suspect FROM jobs") == [("pending", 0, 0)]


def test_the_silence_of_one_session_costs_no_other_its_jobs(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    one, two = desk.dispatch()
    desk.claim([one], session="s1", lease_s=-1)
    desk.claim([two], session="s2", lease_s=60)
    assert desk.reap() == 1
    assert desk.states() == {1: "pending", 2: "running"}


def test_the_jobs_of_a_dead_session_go_back_as_suspects(desk: Desk) -> None:
    desk.batch()
    jobs = desk.take(3)
    assert desk.release("s1") == 3
    assert desk.ask("SELECT DISTINCT suspect, crashes FROM jobs WHERE line < 4") == [(1, 0)]
    assert desk.attempts() == [(1, 1, "lost")] * 3
    assert {desk.job(job.job_id).state for job in jobs} == {"pending"}
    assert desk.counted() == desk.recount()


def test_only_the_jobs_of_that_session_go_back(desk: Desk) -> None:
    desk.batch()
    desk.take(2, session="s1")
    desk.take(2, session="s2")
    assert desk.release("s1") == 2
    assert desk.release("s1") == 0
    assert desk.counts().running == 2


def test_nobody_is_suspected_when_the_whole_machine_went_down(desk: Desk) -> None:
    desk.batch()
    desk.take(1)
    desk.release("s1", blame=False)
    assert desk.ask("SELECT DISTINCT suspect, crashes FROM jobs") == [(0, 0)]


def test_suspects_come_last_and_one_at_a_time(desk: Desk) -> None:
    desk.batch()
    desk.take(2)
    desk.release("s1")
    others = desk.take()
    assert len(others) == 8
    assert desk.dispatch() == []
    desk.record(*(outcome(job) for job in others))
    (first,) = desk.take()
    assert desk.dispatch() == []
    desk.record(outcome(first))
    (second,) = desk.take()
    assert desk.record(outcome(second)) == {second.job_id}
    assert desk.finalize() == ["b-1"]


def test_a_suspect_is_not_overtaken_by_later_batches(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    desk.take(2)
    desk.release("s1")
    desk.batch(batch_id="b-2")
    (suspect,) = desk.take()
    assert suspect.batch_id == "b-1"
    assert desk.dispatch() == []


def test_suspects_of_one_pool_do_not_hold_up_another(desk: Desk) -> None:
    desk.batch(line(1), line(2), line(3, pool="ollama"))
    desk.take(2)
    desk.release("s1")
    desk.take()
    assert len(desk.dispatch(pool="ollama")) == 1


def test_a_suspect_that_had_its_holder_to_itself_is_charged_with_the_crash(desk: Desk) -> None:
    desk.batch(line(1))
    job = desk.take_a_suspect()
    desk.release("s1")
    row = desk.job(job.job_id)
    assert (row.state, row.crashes, row.suspect) == ("pending", 1, 1)


def test_a_job_that_kills_its_holder_every_time_is_poison(desk: Desk) -> None:
    desk.batch(line(1))
    for _ in range(4):
        assert desk.states() == {1: "pending"}
        desk.take()
        desk.release("s1", max_crashes=3)
    (row,) = desk.page()
    assert (row.state, row.error_code) == ("failed", ErrorCode.POISON)
    assert desk.attempts() == [(1, number, "lost") for number in range(1, 5)]
    assert desk.counted() == desk.recount()


def test_a_job_whose_neighbour_was_cancelled_a_moment_before_is_charged_nothing(desk: Desk) -> None:
    """The session would have heard of it by its next heartbeat."""
    job = with_neighbour(desk)
    desk.cancel("b-2")
    assert desk.release("s1") == 1
    assert is_uncharged_suspect(desk, job)


def test_a_job_whose_neighbour_was_ended_by_a_late_success_is_charged_nothing(desk: Desk) -> None:
    desk.batch(line(1), batch_id="b-2")
    (early,) = desk.take(session="slept", lease_s=-1)
    desk.reap()
    desk.batch(line(1))
    (_, job) = desk.take(session="s1")
    assert desk.record(outcome(early, session="slept")) == {early.job_id}
    assert desk.release("s1") == 1
    assert is_uncharged_suspect(desk, job)


def test_a_suspect_that_was_taken_back_by_a_heartbeat_is_charged_nothing(desk: Desk) -> None:
    """It may have begun beside others, before it was a suspect."""
    desk.batch(line(1))
    (job,) = desk.take(session="s1", lease_s=-1)
    desk.reap()
    desk.take(session="s2")
    desk.release("s2")
    beat = desk.beat(*hints_of([job]), session="s1")
    assert list(beat.epochs) == [job.job_id]
    assert desk.release("s1") == 1
    assert is_uncharged_suspect(desk, job)


def test_who_is_given_a_suspect_is_told_so(desk: Desk) -> None:
    desk.batch(line(1))
    (plain,) = desk.dispatch()
    desk.claim([plain])
    desk.release("s1")
    (marked,) = desk.dispatch()
    assert (plain.is_suspect, marked.is_suspect) == (False, True)
    assert desk.claim([marked])[0].job_id == marked.job_id


def test_a_poisonous_job_may_be_tried_again_when_asked_for(desk: Desk) -> None:
    desk.batch(line(1))
    desk.take_a_suspect()
    desk.release("s1", max_crashes=1)
    assert desk.retry() == 1
    (job,) = desk.take()
    row = desk.job(job.job_id)
    assert (row.run, row.crashes, row.suspect, row.attempt) == (2, 0, 0, 1)


def test_an_answer_of_a_released_session_is_still_welcome(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    jobs = desk.take()
    desk.release("s1")
    assert desk.record(outcome(jobs[0])) == {jobs[0].job_id}
    assert desk.record(outcome(jobs[1], JobState.FAILED)) == set()


def test_nothing_is_put_beside_a_suspect_that_runs(desk: Desk) -> None:
    desk.batch(line(1))
    suspect = desk.take_a_suspect()
    desk.batch(batch_id="b-2", priority=9)
    assert desk.dispatch() == []
    desk.record(outcome(suspect))
    assert len(desk.dispatch()) == 10


def with_neighbour(desk: Desk) -> Claimed:
    """A job that a session works on beside one of another batch, b-2."""
    desk.batch(line(1))
    desk.batch(line(1), batch_id="b-2")
    job, neighbour = desk.take()
    assert neighbour.batch_id == "b-2"
    return job


def is_uncharged_suspect(desk: Desk, job: Claimed) -> bool:
    row = desk.job(job.job_id)
    return bool((row.state, row.crashes, row.suspect) == ("pending", 0, 1))
