"""The same command again: the input is read again and its rows meet their jobs."""

from jobs.codes import ErrorCode
from jobs.model import Claimed
from jobs.states import JobState
from jobs.store import batches, ingest
from tests.jobs.store.desk import Desk, bad_line, hints_of, line, outcome


def finish(desk: Desk, **changes: object) -> list[Claimed]:
    """Everything that waits is run and succeeds."""
    jobs = desk.take()
    desk.record(*(outcome(job, **changes) for job in jobs))
    desk.finalize()
    return jobs


def test_unchanged_rows_keep_their_answers(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    finish(desk)
    assert desk.reread(line(1), line(2)) == ingest.Added(new=0, kept=2, changed=0, duplicates=())
    assert desk.states() == {1: "succeeded", 2: "succeeded"}
    assert desk.batch_state() == "completed"
    assert desk.counted() == desk.recount()


def test_new_rows_run(desk: Desk) -> None:
    desk.batch(line(1))
    finish(desk)
    assert desk.reread(line(1), line(2)) == ingest.Added(new=1, kept=1, changed=0, duplicates=())
    assert desk.states() == {1: "succeeded", 2: "pending"}
    assert desk.batch_state() == "open"


def test_changed_rows_run_again(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    finish(desk, finish_reason="length")
    added = desk.reread(line(1), line(2, body="changed"))
    assert added == ingest.Added(new=0, kept=1, changed=1, duplicates=())
    assert desk.counts().cut == 1
    (job,) = desk.take()
    assert (job.run, job.attempt, job.body) == (2, 1, "changed")
    desk.record(outcome(job, text="new"))
    assert [row.text for row in desk.page()] == ["an answer", "new"]
    assert desk.counted() == desk.recount()


def test_a_changed_row_that_runs_is_given_up(desk: Desk) -> None:
    desk.batch(line(1))
    (old,) = desk.take()
    desk.reread(line(1, body="changed"))
    assert desk.states() == {1: "pending"}
    assert desk.ask("SELECT run, state, error_code FROM results") == [
        (1, "cancelled", ErrorCode.CANCELLED)
    ]
    assert desk.record(outcome(old)) == set()
    (new,) = desk.take()
    assert desk.record(outcome(new)) == {new.job_id}
    assert desk.counted() == desk.recount()


def test_a_kept_row_that_runs_goes_on(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.reread(line(1), line(2))
    assert desk.record(outcome(job)) == {job.job_id}


def test_removed_rows_leave_the_counts_and_the_results(desk: Desk) -> None:
    desk.batch(line(1), line(2), line(3))
    finish(desk, finish_reason="length")
    desk.reread(line(1, "row-3"))
    assert [(row.line, row.custom_id) for row in desk.page()] == [(1, "row-3")]
    assert (desk.counts().total, desk.counts().cut) == (1, 1)
    assert desk.counted() == desk.recount()


def test_removed_rows_that_were_unfinished_are_cancelled(desk: Desk) -> None:
    desk.batch(line(1), line(2), line(3))
    (job,) = desk.take(1)
    desk.dispatch(1)
    desk.reread(line(4))
    assert desk.states() == {4: "pending"}
    assert desk.ask("SELECT DISTINCT state FROM results") == [("cancelled",)]
    assert desk.record(outcome(job)) == set()
    assert len(desk.dispatch()) == 1
    assert desk.counted() == desk.recount()


def test_a_row_that_comes_back_still_has_its_answer(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    finish(desk, finish_reason="length")
    desk.reread(line(1))
    assert desk.reread(line(1), line(2)).kept == 2
    assert [row.state for row in desk.page()] == ["succeeded", "succeeded"]
    assert desk.counts().cut == 2
    assert desk.counted() == desk.recount()


def test_a_row_that_comes_back_unfinished_runs(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    desk.reread(line(1))
    desk.reread(line(1), line(2))
    assert desk.states() == {1: "pending", 2: "pending"}
    assert desk.counted() == desk.recount()


def test_a_row_that_comes_back_changed_runs(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    finish(desk)
    desk.reread(line(1))
    assert desk.reread(line(1), line(2, body="changed")).changed == 1
    assert desk.states() == {1: "succeeded", 2: "pending"}
    assert desk.counted() == desk.recount()


def test_rows_may_move(desk: Desk) -> None:
    desk.batch(line(1, "a"), line(2, "b"))
    finish(desk)
    desk.reread(line(1, "b", row="{}"), line(2, "a", row="{}"))
    assert [(row.custom_id, row.row) for row in desk.page()] == [("b", "{}"), ("a", "{}")]


def test_what_a_row_has_beside_its_request_is_brought_up_to_date(desk: Desk) -> None:
    desk.batch(line(1))
    finish(desk)
    assert desk.reread(line(1, row='{"expected": "new"}', kind="openai")).kept == 1
    (row,) = desk.page()
    assert (row.row, row.kind, row.text) == ('{"expected": "new"}', "openai", "an answer")


def test_cancelled_rows_run_again(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    desk.cancel()
    desk.reread(line(1), line(2), line(3))
    assert desk.states() == {1: "pending", 2: "pending", 3: "pending"}
    assert desk.batch_state() == "open"
    assert desk.counted() == desk.recount()


def test_failed_rows_stay_failed_until_somebody_retries(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.FAILED))
    desk.reread(line(1))
    assert desk.states() == {1: "failed"}


def test_duplicates_are_found_among_kept_and_new_rows(desk: Desk) -> None:
    desk.batch(line(1, "a"))
    finish(desk)
    added = desk.reread(line(1, "a"), line(2, "a"), line(3, "b"), line(4, "b"))
    assert added == ingest.Added(new=3, kept=1, changed=0, duplicates=(2, 4))
    assert desk.states() == {1: "succeeded", 2: "failed", 3: "pending", 4: "failed"}
    assert desk.counted() == desk.recount()


def test_a_duplicate_is_found_across_the_chunks_of_a_second_reading(desk: Desk) -> None:
    desk.batch(line(1, "a"))
    with desk.store.write() as c:
        revision = batches.reopen_ingest(c, "b-1").revision
        ingest.add(c, "b-1", revision, [line(1, "a")])
    with desk.store.write() as c:
        assert ingest.add(c, "b-1", revision, [line(2, "a", body="x")]).duplicates == (2,)
        batches.finish_ingest(c, "b-1", "hash")
    assert desk.states() == {1: "pending", 2: "failed"}


def test_error_records_of_an_earlier_reading_are_made_anew(desk: Desk) -> None:
    desk.batch(bad_line(1), line(2, "a"), line(3, "a"), bad_line(4))
    desk.reread(line(1, "mended"), line(2, "a"), bad_line(3))
    assert desk.states() == {1: "pending", 2: "pending", 3: "failed"}
    assert desk.ask("SELECT count(*) FROM requests") == [(3,)]
    assert desk.ask("SELECT count(*) FROM results") == [(1,)]
    assert desk.counted() == desk.recount()


def test_a_reading_that_was_broken_off_loses_nothing(desk: Desk) -> None:
    desk.batch(line(1), line(2), line(3))
    finish(desk)
    with desk.store.write() as c:
        revision = batches.reopen_ingest(c, "b-1").revision
        ingest.add(c, "b-1", revision, [line(1, body="changed"), bad_line(9)])
    assert desk.batch_state() == "ingesting"
    assert desk.reread(line(1, body="changed"), line(2), line(3)).kept == 3
    assert desk.states() == {1: "pending", 2: "succeeded", 3: "succeeded"}
    assert desk.counted() == desk.recount()


def test_whoever_runs_a_row_that_changed_is_told_to_stop(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.reread(line(1, body="changed"))
    assert desk.beat(*hints_of([job])).lost == (job.job_id,)
    assert desk.states() == {1: "pending"}
