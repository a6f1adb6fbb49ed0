"""A batch or one job of it ends before its time, however many there are."""

import pytest

from jobs.errors import UsageError
from jobs.store import batches, ending
from tests.jobs.store.desk import Desk, hints_of, line, outcome


def cancel(desk: Desk, limit: int) -> int:
    with desk.store.write() as c:
        return ending.cancel(c, "b-1", limit)


def end_more(desk: Desk, limit: int) -> int:
    with desk.store.write() as c:
        return ending.end_more(c, "b-1", limit)


def half_ended(desk: Desk) -> list[str]:
    with desk.store.read() as c:
        return ending.half_ended(c)


def cancel_row(desk: Desk, custom_id: str) -> bool:
    with desk.store.write() as c:
        return ending.cancel_job(c, ending.find_row(c, "b-1", custom_id).id)


def test_what_runs_ends_at_once_and_what_waits_page_by_page(desk: Desk) -> None:
    desk.batch()
    held = desk.take(2)
    desk.dispatch(1)

    assert cancel(desk, 4) == 4

    assert desk.batch_state() == "cancelled"
    assert set(desk.beat(*hints_of(held)).lost) == {job.job_id for job in held}
    assert (half_ended(desk), desk.dispatch()) == (["b-1"], [])
    assert (end_more(desk, 4), end_more(desk, 4), end_more(desk, 4)) == (4, 2, 0)
    assert half_ended(desk) == []
    assert set(desk.states().values()) == {"cancelled"}
    assert desk.counted() == desk.recount()


def test_what_was_left_of_a_cancelled_batch_ends_by_cancelling_again(desk: Desk) -> None:
    desk.batch()
    cancel(desk, 4)

    assert cancel(desk, 100) == 6


def test_a_batch_that_was_opened_again_between_two_pages_keeps_what_is_left(desk: Desk) -> None:
    desk.batch()
    cancel(desk, 4)
    desk.resume()

    assert end_more(desk, 4) == 0

    assert desk.batch_state() == "open"
    assert set(desk.states().values()) == {"pending"}
    assert desk.counted() == desk.recount()


def test_a_row_is_cancelled_alone_and_its_holder_learns_of_it(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    first, second = desk.take()

    assert cancel_row(desk, "row-1") is True

    assert desk.beat(*hints_of([first, second])).lost == (first.job_id,)
    assert desk.record(outcome(first), outcome(second)) == {second.job_id}
    assert desk.states() == {1: "cancelled", 2: "succeeded"}
    assert desk.finalize() == ["b-1"]
    assert desk.counted() == desk.recount()


def test_a_row_that_is_over_is_not_cancelled(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job))

    assert cancel_row(desk, "row-1") is False
    assert desk.states() == {1: "succeeded"}


def test_a_job_is_found_by_the_beginning_of_its_id(desk: Desk) -> None:
    desk.batch(line(1))
    ((job_id,),) = desk.ask("SELECT id FROM jobs")

    with desk.store.read() as c:
        found = ending.find_job(c, job_id[:20])

    assert found == (job_id, "b-1", "pending")


@pytest.mark.parametrize(
    ("word", "why"), [("j-0", "More than one job"), ("j-", "More than"), ("j-f", "no job `j-f`")]
)
def test_a_word_that_means_no_job_or_several_is_refused(desk: Desk, word: str, why: str) -> None:
    desk.batch(line(1), line(2))

    with pytest.raises(UsageError, match=why), desk.store.read() as c:
        ending.find_job(c, word)


def test_a_row_that_is_not_there_is_refused(desk: Desk) -> None:
    desk.batch(line(1))

    with pytest.raises(UsageError, match="no row `row-9`"), desk.store.read() as c:
        ending.find_row(c, batches.get(c, "b-1").id, "row-9")
