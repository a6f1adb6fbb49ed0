"""Results in the order of the input, a page at a time."""

from jobs.states import JobState
from jobs.store import results
from tests.jobs.store.desk import Desk, bad_line, line, outcome


def test_pages_follow_the_lines(desk: Desk) -> None:
    desk.batch(*(line(i) for i in (3, 1, 4, 2, 5)))
    seen: list[int] = []
    while rows := desk.page(after=seen[-1] if seen else 0, limit=2):
        seen += [row.line for row in rows]
    assert seen == [1, 2, 3, 4, 5]


def test_an_unfinished_row_has_neither_text_nor_error(desk: Desk) -> None:
    desk.batch(line(1, "a", kind="openai"))
    (row,) = desk.page()
    assert (row.custom_id, row.kind, row.state, row.row) == (
        "a",
        "openai",
        "pending",
        '{"line": 1}',
    )
    assert (row.text, row.error_code, row.model, row.output_tokens) == (None, None, "demo", 0)


def test_the_record_shown_is_that_of_the_present_run(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job, JobState.FAILED))
    desk.retry()
    (row,) = desk.page()
    assert (row.run, row.state, row.error_code) == (2, "pending", None)
    (job,) = desk.take()
    desk.record(outcome(job))
    (row,) = desk.page()
    assert (row.run, row.text) == (2, "an answer")


def test_results_are_readable_while_the_batch_is_read_in(desk: Desk) -> None:
    desk.batch(line(1))
    desk.do("UPDATE batches SET state = 'ingesting'")
    assert len(desk.page()) == 1


def test_a_page_of_a_batch_that_is_not_there_is_empty(desk: Desk) -> None:
    assert desk.page("b-nobody") == []


def test_a_batch_has_rows_when_one_usable_line_is_none_of_openais(desk: Desk) -> None:
    desk.batch(line(1, kind="openai"), bad_line(2))
    with desk.store.read() as c:
        assert not results.has_rows(c, "b-1")
    desk.reread(line(1, kind="openai"), line(2))
    with desk.store.read() as c:
        assert results.has_rows(c, "b-1")
