"""What goes wrong between the processes, each driven by hand: what the protocol says happens.

Messages that are lost, doubled or late; commits whose reply is lost; answers that come late; and
the faults that other systems had here.
"""

import pytest

from jobs.codes import ErrorCode
from jobs.states import JobState
from jobs.store import dispatch, hosts
from tests.chaos.clock import clocked_store
from tests.jobs.store.desk import Desk, hints_of, line, outcome


def put_back(desk: Desk) -> int:
    with desk.store.write() as c:
        return dispatch.put_back_unclaimed(c, "mlx", -1)


def announce(desk: Desk, name: str, session: str) -> None:
    row = hosts.HostRow(
        name=name,
        session=session,
        pool="mlx",
        slots=4,
        models=("demo",),
        machine="M2 Ultra, 192 GB",
        version="0.1.0",
    )
    with desk.store.write() as c:
        hosts.announce(c, row)


# Messages


def test_a_lost_message_is_sent_again_and_finds_nothing_should_it_turn_up(desk: Desk) -> None:
    desk.batch(line(1))
    lost = desk.dispatch()
    assert put_back(desk) == 1
    sent_again = desk.dispatch()
    assert desk.claim(lost) == []
    assert hints_of(desk.claim(sent_again)) == sent_again


def test_a_message_that_was_never_sent_is_no_different_from_a_lost_one(desk: Desk) -> None:
    desk.batch(line(1))
    desk.dispatch()
    assert desk.dispatch() == []
    assert put_back(desk) == 1
    assert len(desk.take()) == 1


def test_a_doubled_message_finds_nothing_once_its_job_was_handed_back(desk: Desk) -> None:
    desk.batch(line(1))
    doubled = desk.dispatch()
    (job,) = desk.claim(doubled)
    desk.record(outcome(job, JobState.PENDING))
    assert desk.claim(doubled) == []
    assert desk.states() == {1: "pending"}


def test_a_doubled_message_finds_nothing_once_its_lease_was_lost(desk: Desk) -> None:
    desk.batch(line(1))
    doubled = desk.dispatch()
    desk.claim(doubled, lease_s=-1)
    desk.reap()
    assert desk.claim(doubled, session="s1") == desk.claim(doubled, session="s2") == []


@pytest.mark.parametrize("session", ["s1", "s2"])
def test_a_message_of_an_earlier_run_finds_nothing_in_the_next(desk: Desk, session: str) -> None:
    desk.batch(line(1))
    late = desk.dispatch()
    (job,) = desk.claim(late)
    desk.record(outcome(job, JobState.FAILED))
    desk.retry()
    assert desk.claim(late, session) == []
    desk.take()
    assert desk.claim(late, session) == []


# Commits whose reply was lost


def test_a_claim_repeated_after_the_lease_gets_nothing_of_what_others_have(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    hints = desk.dispatch()
    desk.claim(hints, lease_s=-1)
    desk.reap()
    desk.take(1, session="s2")
    assert desk.claim(hints) == []
    assert desk.states() == {1: "running", 2: "pending"}


def test_a_failure_that_is_recorded_twice_is_one_record(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    assert desk.record(outcome(job, JobState.FAILED, counted_errors=1)) == {job.job_id}
    assert desk.record(outcome(job, JobState.FAILED, counted_errors=1)) == set()
    assert desk.job(job.job_id).errors == 1
    assert desk.attempts() == [(1, 1, "failed")]


def test_a_try_that_is_recorded_twice_counts_once_though_the_job_runs_again(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    tried = outcome(job, JobState.PENDING, counted_errors=1, error_code=ErrorCode.TIMED_OUT)
    assert desk.record(tried) == {job.job_id}
    assert desk.record(tried) == set()
    (again,) = desk.take()
    assert desk.record(tried) == set()
    assert (again.errors, desk.states()) == (1, {1: "running"})
    assert desk.attempts() == [(1, 1, "error")]


def test_a_dead_engine_that_is_reported_twice_is_one_crash(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    crashed = outcome(job, JobState.PENDING, counted_crashes=1, is_suspect=True)
    desk.record(crashed)
    desk.record(crashed)
    row = desk.job(job.job_id)
    assert (row.crashes, row.suspect) == (1, 1)


def test_a_dead_session_that_is_released_twice_is_one_crash(desk: Desk) -> None:
    desk.batch(line(1))
    job = desk.take_a_suspect()
    assert (desk.release(), desk.release()) == (1, 0)
    assert desk.job(job.job_id).crashes == 1


def test_a_retry_that_is_given_twice_opens_one_run(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.FAILED))
    assert (desk.retry(), desk.retry()) == (1, 0)
    assert desk.job(job.job_id).run == 2


# Late answers


def test_of_two_stale_sessions_and_a_fresh_one_the_first_answer_counts(desk: Desk) -> None:
    desk.batch(line(1))
    (first,) = desk.take(session="s1", lease_s=-1)
    desk.reap()
    (second,) = desk.take(session="s2", lease_s=-1)
    desk.reap()
    (third,) = desk.take(session="s3")
    assert desk.record(outcome(second, session="s2", text="two")) == {second.job_id}
    assert desk.record(outcome(first, session="s1", text="one")) == set()
    assert desk.record(outcome(third, session="s3", text="three")) == set()
    assert desk.page()[0].text == "two"
    assert desk.attempts() == [(1, 1, "late"), (1, 2, "succeeded"), (1, 3, "late")]


def test_a_late_answer_does_not_bring_back_what_failed_as_poison(desk: Desk) -> None:
    desk.batch(line(1))
    job = desk.take_a_suspect()
    desk.release(max_crashes=1)
    assert desk.record(outcome(job)) == set()
    (row,) = desk.page()
    assert (row.state, row.error_code) == ("failed", ErrorCode.POISON)


def test_an_answer_of_an_earlier_run_does_not_end_the_one_that_runs(desk: Desk) -> None:
    desk.batch(line(1))
    (old,) = desk.take(session="s1")
    desk.cancel()
    desk.resume()
    (new,) = desk.take(session="s1")
    assert desk.record(outcome(old, text="old")) == set()
    assert desk.record(outcome(new, text="new")) == {new.job_id}
    assert (desk.page()[0].run, desk.page()[0].text) == (2, "new")


# Faults that others had


def test_a_finished_job_is_not_rescued_though_its_lease_had_run_out(desk: Desk) -> None:
    """River #1302: the rescuer knew jobs by their id alone, and overwrote what had completed."""
    desk.batch(line(1))
    (job,) = desk.take(lease_s=-1)
    desk.record(outcome(job))
    assert (desk.reap(), desk.release()) == (0, 0)
    assert desk.states() == {1: "succeeded"}
    assert desk.job(job.job_id).crashes == 0


def test_all_that_expired_is_reaped_however_much_of_it_there_is(desk: Desk) -> None:
    """River #1318: a page of rows that could not be rescued kept the rescuer from the others."""
    desk.batch(*(line(i) for i in range(1, 301)))
    desk.take(150, session="s1", lease_s=60)
    desk.take(150, session="s2", lease_s=-1)
    assert desk.reap() == 150
    assert (desk.counts().pending, desk.counts().running) == (150, 150)


def test_a_job_is_reaped_though_nobody_knows_its_host_any_more(desk: Desk) -> None:
    """Procrastinate #1518: a job stayed in `doing` once the row of its worker was gone."""
    announce(desk, "mlx@studio", "s1")
    desk.batch(line(1))
    desk.take(session="s1", lease_s=-1)
    with desk.store.write() as c:
        hosts.leave(c, "mlx@studio", "s1")
    assert desk.reap() == 1


def test_a_new_session_under_an_old_name_does_not_keep_the_old_ones_jobs(desk: Desk) -> None:
    """Procrastinate #1518 again: the id of the dead worker was given to a living one."""
    announce(desk, "mlx@studio", "s1")
    desk.batch(line(1))
    desk.take(session="s1", lease_s=-1)
    announce(desk, "mlx@studio", "s2")
    desk.beat(session="s2")
    assert desk.reap() == 1


def test_reaping_needs_no_worker_that_is_free(desk: Desk) -> None:
    """Procrastinate #1408: the job that was to rescue stalled jobs had itself stalled."""
    desk.batch()
    desk.take(lease_s=-1)
    with desk.store.read() as c:
        assert dispatch.live_pools(c, alive_s=30) == []
    assert desk.reap() == 10


def test_a_job_whose_holder_is_given_up_while_it_records_ends_once(desk: Desk) -> None:
    """Solid Queue #589: a job was both finished and failed."""
    desk.batch(line(1))
    job = desk.take_a_suspect()
    desk.release(max_crashes=1)
    assert desk.record(outcome(job), outcome(job, JobState.FAILED)) == set()
    assert desk.ask("SELECT state FROM results") == [("failed",)]
    assert desk.counted() == desk.recount()


def test_a_lease_is_judged_by_the_stores_clock_alone(store_url: str) -> None:
    """absurd #122: worker and database disagreed about the time.

    Here the database is years away from this machine.
    """
    with clocked_store(store_url) as (store, clock):
        desk = Desk(store)
        desk.batch(line(1))
        (job,) = desk.take(lease_s=60)
        assert job.started_at == pytest.approx(clock.now)
        clock.sleep(59)
        assert desk.reap() == 0
        desk.beat(*hints_of([job]), lease_s=60)
        clock.sleep(59)
        assert desk.reap() == 0
        clock.sleep(2)
        assert desk.reap() == 1
