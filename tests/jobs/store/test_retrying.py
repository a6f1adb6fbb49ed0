"""Failed jobs open their next run, also where the batch changes between two pages."""

import pytest

from jobs.codes import ErrorCode
from jobs.errors import StoppedEarlyError, UsageError
from jobs.states import JobState
from jobs.store import pauses, retrying
from tests.jobs.store.desk import Desk, bad_line, line, outcome


def fail_all(desk: Desk) -> None:
    desk.record(*(outcome(job, JobState.FAILED) for job in desk.take()))
    desk.finalize()


def test_a_retry_opens_the_next_run_of_failed_jobs_only(desk: Desk) -> None:
    desk.batch(line(1), line(2), bad_line(3))
    jobs = desk.take()
    desk.record(outcome(jobs[0]), outcome(jobs[1], JobState.FAILED, counted_errors=3))
    desk.finalize()
    assert desk.retry() == 1
    assert desk.batch_state() == "open"
    assert desk.states() == {1: "succeeded", 2: "pending", 3: "failed"}
    (again,) = desk.take()
    assert (again.run, again.attempt, again.errors, again.epoch) == (2, 1, 0, 2)
    desk.record(outcome(again))
    assert desk.ask("SELECT run, state FROM results ORDER BY job_id, run")[1:3] == [
        (1, "failed"),
        (2, "succeeded"),
    ]
    assert desk.counted() == desk.recount()


def test_a_retry_without_failed_jobs_changes_nothing(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job))
    desk.finalize()
    assert desk.retry() == 0
    assert desk.batch_state() == "completed"


def test_a_page_opens_the_next_failed_jobs_after_a_line(desk: Desk) -> None:
    desk.batch(*(line(i) for i in range(1, 5)), bad_line(5))
    fail_all(desk)

    with desk.store.write() as c:
        first = retrying.open_page(c, "b-1", 0, 2)
        second = retrying.open_page(c, "b-1", first.last_line, 3)

    assert (len(first.job_ids), first.last_line) == (2, 2)
    assert (len(second.job_ids), second.last_line) == (2, 4)
    assert set(desk.states().values()) == {"pending", "failed"}
    assert desk.counted() == desk.recount()
    with desk.store.read() as c:
        assert retrying.unreadable(c, "b-1") == 1


def test_a_batch_that_was_completed_between_two_pages_is_open_after_the_next(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    fail_all(desk)
    desk.retry(limit=1)
    (job,) = desk.take()
    desk.record(outcome(job))
    assert desk.finalize() == ["b-1"]

    assert desk.retry(after=1) == 1

    assert (desk.batch_state(), desk.states()) == ("open", {1: "succeeded", 2: "pending"})
    assert desk.finalize() == []


def test_what_fails_again_between_two_pages_is_not_tried_a_third_time(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    fail_all(desk)
    desk.retry(limit=1)
    fail_all(desk)

    desk.retry(after=1)

    assert desk.states() == {1: "failed", 2: "pending"}


def test_a_retry_resumes_a_paused_batch_but_not_one_that_was_paused_meanwhile(desk: Desk) -> None:
    desk.batch(line(1), line(2), line(3))
    desk.record(*(outcome(job, JobState.FAILED) for job in desk.take(2)))
    for after, reason in ((0, None), (1, "Again.")):
        with desk.store.write() as c:
            pauses.pause(c, "b-1", "Again.")
        desk.retry(after=after, limit=1)
        assert desk.ask("SELECT paused_reason FROM batches") == [(reason,)]


def test_a_batch_that_was_cancelled_between_two_pages_stays_cancelled(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    fail_all(desk)
    desk.retry(limit=1)
    desk.cancel()

    with pytest.raises(StoppedEarlyError, match=r"was cancelled before .* nightmill retry b-1"):
        desk.retry(after=1)

    assert (desk.batch_state(), desk.states()) == ("cancelled", {1: "cancelled", 2: "failed"})
    assert desk.retry() == 1
    assert desk.batch_state() == "open"


def test_a_batch_that_is_gone_is_not_retried(desk: Desk) -> None:
    with pytest.raises(UsageError, match="There is no batch"):
        desk.retry("b-gone")


def test_only_rows_that_ended_with_a_code_are_opened_again(desk: Desk) -> None:
    desk.batch(line(1), line(2), line(3))
    codes = (ErrorCode.SCHEMA_MISMATCH, ErrorCode.POISON, ErrorCode.SCHEMA_MISMATCH)
    desk.record(
        *(
            outcome(job, JobState.FAILED, error_code=code)
            for job, code in zip(desk.take(), codes, strict=True)
        )
    )
    desk.finalize()

    assert desk.retry(only=(ErrorCode.SCHEMA_MISMATCH,)) == 2

    assert desk.states() == {1: "pending", 2: "failed", 3: "pending"}
    assert desk.counted() == desk.recount()


def test_what_was_cancelled_runs_again_when_it_is_asked_for(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    (job,) = desk.take(1)
    desk.record(outcome(job))
    desk.cancel()

    assert desk.retry() == 0
    assert desk.retry(only=(ErrorCode.CANCELLED,)) == 1

    assert (desk.batch_state(), desk.states()) == ("open", {1: "succeeded", 2: "pending"})
    (again,) = desk.take()
    assert again.run == 2
    assert desk.counted() == desk.recount()
