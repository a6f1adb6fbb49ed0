"""A known batch goes on page by page, also in several goes."""

from collections.abc import Callable

import pytest

from jobs.errors import StoppedEarlyError
from jobs.states import JobState
from jobs.store import batches, ingest, paging, rereading, resuming
from jobs.store.store import Store
from producer.reopening import end_reading, resume
from tests.jobs.store.desk import Desk, bad_line, line, outcome

Between = Callable[[Callable[[], object]], None]


@pytest.fixture
def desk(store: Store, small_pages: None) -> Desk:
    """A desk whose transactions take two rows at most."""
    return Desk(store)


@pytest.fixture
def between_pages(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Lets others do something between two transactions."""

    def do(something: Callable[[], object]) -> None:
        monkeypatch.setattr(paging.time, "sleep", lambda _s: something())

    return do


def change_nothing(_c: object) -> None: ...


def open_another_reading(desk: Desk, *numbers: int) -> int:
    with desk.store.write() as c:
        revision = batches.reopen_ingest(c, "b-1").revision
        ingest.add(c, "b-1", revision, [line(number) for number in numbers])
    return revision


def test_others_get_to_write_between_the_pages_of_a_resumed_batch(
    desk: Desk, between_pages: Between
) -> None:
    desk.batch()
    desk.cancel()
    taken: list[int] = []
    between_pages(lambda: taken.append(len(desk.take())))

    resume(desk.store, "b-1", change_nothing)

    assert taken == [2, 2, 2, 2, 2]
    assert desk.ask("SELECT DISTINCT run, state FROM jobs") == [(2, "running")]
    assert desk.counted() == desk.recount()


def test_a_batch_that_ends_between_two_pages_goes_on_with_the_next(
    desk: Desk, between_pages: Between
) -> None:
    desk.batch()
    desk.cancel()

    def work_all_off() -> None:
        desk.record(*map(outcome, desk.take()))
        desk.finalize()

    between_pages(work_all_off)

    resume(desk.store, "b-1", change_nothing)

    assert set(desk.states().values()) == {JobState.SUCCEEDED}
    assert desk.batch_state() == "completed"


def test_a_batch_that_is_cancelled_between_two_pages_stays_so(
    desk: Desk, between_pages: Between
) -> None:
    desk.batch()
    desk.cancel()
    between_pages(desk.cancel)

    with pytest.raises(StoppedEarlyError, match="was cancelled before all of its rows"):
        resume(desk.store, "b-1", change_nothing)

    assert desk.batch_state() == "cancelled"
    assert desk.counted() == desk.recount()


def test_a_resume_that_was_stopped_is_gone_on_with_by_the_next(desk: Desk) -> None:
    desk.batch()
    desk.cancel()
    with desk.store.write() as c:
        resuming.begin(c, "b-1", resuming.cut_short(c, 0, 3, batch_id="b-1").job_ids)
    assert desk.counts().pending == 3

    resume(desk.store, "b-1", change_nothing)

    assert desk.ask("SELECT DISTINCT run, state FROM jobs") == [(2, "pending")]


def test_what_has_failed_or_has_an_answer_is_left_alone(desk: Desk) -> None:
    desk.batch()
    one, two, *_ = desk.take()
    desk.record(outcome(one), outcome(two, JobState.FAILED))
    desk.cancel()

    resume(desk.store, "b-1", change_nothing)

    assert (desk.counts().succeeded, desk.counts().failed, desk.counts().pending) == (1, 1, 8)


def test_rows_leave_page_by_page_and_those_cut_short_run_again(desk: Desk) -> None:
    lines = [line(number) for number in range(1, 10)]
    desk.batch(*lines, bad_line(10))
    done, *_ = desk.take(3)
    desk.record(outcome(done))
    desk.cancel()
    revision = open_another_reading(desk, 1, 2, 3, 4)

    end_reading(desk.store, "b-1", revision)

    assert desk.states() == {1: "succeeded", 2: "pending", 3: "pending", 4: "pending"}
    assert desk.ask("SELECT count(*) FROM jobs") == [(9,)]
    assert desk.counted() == desk.recount()


def test_rows_of_one_line_left_by_several_readings_all_leave(desk: Desk) -> None:
    desk.batch(*(line(number) for number in range(1, 4)))
    for name in ("a", "b", "c"):
        with desk.store.write() as c:
            revision = batches.reopen_ingest(c, "b-1").revision
            ingest.add(c, "b-1", revision, [line(2, name)])
    revision = open_another_reading(desk, 1)

    end_reading(desk.store, "b-1", revision)

    assert desk.states() == {1: "pending"}
    assert desk.counted() == desk.recount()


@pytest.mark.parametrize("verb", [rereading.let_go, rereading.run_again])
def test_the_end_of_a_reading_that_somebody_else_has_begun_anew_is_none(
    desk: Desk, verb: Callable[..., None]
) -> None:
    desk.batch()
    revision = open_another_reading(desk, 1)
    open_another_reading(desk, 1)

    with pytest.raises(StoppedEarlyError, match="started again"), desk.store.write() as c:
        verb(c, "b-1", revision, [])
