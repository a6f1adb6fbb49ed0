"""Why rows failed, without their prompts and answers."""

from jobs.codes import ErrorCode
from jobs.states import JobState
from jobs.store import failures
from jobs.store.failures import FailedRow, FailedRows
from tests.jobs.store.desk import Desk, bad_line, line, outcome


def failed(desk: Desk) -> None:
    """Rows 1 to 6 were refused, 7 broke off, 8 was answered, 9 could not be read, 10 runs."""
    desk.batch(*(line(i) for i in range(1, 9)), bad_line(9, "nine"), line(10))
    jobs = desk.take()
    desk.record(
        *(outcome(job, JobState.FAILED, error_message=f"No {job.attempt}.") for job in jobs[:6]),
        outcome(
            jobs[6], JobState.FAILED, error_code=ErrorCode.INCOMPLETE, error_message="Broke off."
        ),
        outcome(jobs[7]),
    )


def test_failures_by_code_name_their_first_lines(desk: Desk) -> None:
    failed(desk)

    with desk.store.read() as c:
        assert failures.by_code(c, "b-1", 3) == [
            FailedRows(code="refused", rows=6, lines=(1, 2, 3), message="No 1."),
            FailedRows(code="incomplete", rows=1, lines=(7,), message="Broke off."),
            FailedRows(code="invalid_json", rows=1, lines=(9,), message="No JSON."),
        ]


def test_the_first_failed_rows_come_in_the_order_of_the_input(desk: Desk) -> None:
    failed(desk)

    with desk.store.read() as c:
        found = failures.first(c, "b-1", 100)
        assert failures.first(c, "b-1", 2) == found[:2]
    assert [row.line for row in found] == [1, 2, 3, 4, 5, 6, 7, 9]
    assert found[-1] == FailedRow(line=9, custom_id="nine", code="invalid_json", message="No JSON.")


def test_a_batch_without_failures_has_none(desk: Desk) -> None:
    desk.batch()

    with desk.store.read() as c:
        assert failures.by_code(c, "b-1", 3) == failures.first(c, "b-1", 3) == []
        assert failures.cut_short(c, "b-1", desk.counts(), 3) == []


def test_what_was_cancelled_has_its_first_lines_and_its_number(desk: Desk) -> None:
    desk.batch()
    desk.record(*map(outcome, desk.take(2)))
    desk.cancel()

    with desk.store.read() as c:
        (cancelled,) = failures.cut_short(c, "b-1", desk.counts(), 3)

    assert [row.line for row in cancelled.first] == [3, 4, 5]
    group = cancelled.by_code(2)
    assert (group.code, group.rows, group.lines) == ("cancelled", 8, (3, 4))
    assert group.message.startswith("The job was cancelled.")
