"""A hint becomes a held job, or finds nothing."""

from jobs.model import Hint
from jobs.states import JobState
from jobs.store import dispatch
from tests.jobs.store.desk import Desk, hints_of, line, outcome


def test_a_claimed_job_comes_with_all_that_is_needed_to_run_it(desk: Desk) -> None:
    desk.batch(line(1, body='{"prompt": "Hello"}'))
    (job,) = desk.take()
    assert (job.batch_id, job.run, job.epoch, job.attempt, job.errors) == ("b-1", 1, 1, 1, 0)
    assert job.body == '{"prompt": "Hello"}'


def test_a_claimed_job_runs_in_the_session_under_a_lease(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take(session="s7", lease_s=60)
    row = desk.job(job.job_id)
    assert (row.state, row.session, row.host) == ("running", "s7", "studio")
    assert 59 < row.lease_until - job.started_at < 61


def test_jobs_come_in_the_order_of_the_pack(desk: Desk) -> None:
    desk.batch()
    hints = desk.dispatch()[::-1]
    assert hints_of(desk.claim(hints)) == hints


def test_a_repeated_claim_gives_the_same_jobs_and_changes_only_the_lease(desk: Desk) -> None:
    desk.batch()
    hints = desk.dispatch(3)
    first = desk.claim(hints, lease_s=1)
    lease = desk.job(first[0].job_id).lease_until
    assert desk.claim(hints, lease_s=60) == first
    assert desk.job(first[0].job_id).lease_until > lease + 50
    assert desk.counted() == desk.recount()


def test_a_half_claimed_pack_is_completed(desk: Desk) -> None:
    desk.batch()
    hints = desk.dispatch(4)
    desk.claim(hints[:2])
    assert hints_of(desk.claim(hints)) == hints
    assert desk.counts().running == 4


def test_a_hint_that_stands_twice_in_a_pack_is_claimed_once(desk: Desk) -> None:
    desk.batch(line(1))
    hints = desk.dispatch()
    assert len(desk.claim(hints * 2)) == 1
    assert desk.counted() == desk.recount()


def test_another_session_gets_nothing_of_a_claimed_pack(desk: Desk) -> None:
    desk.batch()
    hints = desk.dispatch()
    desk.claim(hints, session="s1")
    assert desk.claim(hints, session="s2") == []


def test_a_hint_of_an_earlier_epoch_finds_nothing(desk: Desk) -> None:
    desk.batch(line(1))
    (old,) = desk.dispatch()
    with desk.store.write() as c:
        dispatch.recall_dispatched(c, "mlx")
    (new,) = desk.dispatch()
    assert new.epoch == old.epoch + 1
    assert desk.claim([old]) == []
    assert hints_of(desk.claim([new])) == [new]


def test_a_hint_of_a_job_that_was_put_back_finds_nothing(desk: Desk) -> None:
    desk.batch(line(1))
    hints = desk.dispatch()
    with desk.store.write() as c:
        dispatch.recall_dispatched(c, "mlx")
    assert desk.claim(hints) == []


def test_a_hint_of_a_cancelled_job_finds_nothing(desk: Desk) -> None:
    desk.batch(line(1))
    hints = desk.dispatch()
    desk.cancel()
    assert desk.claim(hints) == []


def test_a_hint_of_a_finished_job_finds_nothing(desk: Desk) -> None:
    desk.batch(line(1))
    hints = desk.dispatch()
    (job,) = desk.claim(hints)
    desk.record(outcome(job))
    assert desk.claim(hints) == []


def test_hints_of_unknown_jobs_find_nothing(desk: Desk) -> None:
    assert desk.claim([Hint("j-nobody", 1), Hint("", 0)]) == []


def test_an_empty_pack_is_allowed(desk: Desk) -> None:
    assert desk.claim([]) == []


def test_each_claim_of_a_run_is_its_next_attempt(desk: Desk) -> None:
    desk.batch(line(1))
    (first,) = desk.take()
    desk.record(outcome(first, JobState.PENDING))
    (second,) = desk.take()
    assert (second.attempt, second.run, second.epoch) == (2, 1, 2)
