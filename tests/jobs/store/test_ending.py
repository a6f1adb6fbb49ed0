"""A batch that has ended gives its unfinished jobs their record, page by page."""

from jobs.codes import ErrorCode
from jobs.model import Hint
from jobs.states import JobState
from jobs.store import terminal
from tests.jobs.store.desk import Desk, hints_of, line, outcome


def end_page(desk: Desk, limit: int, batch_id: str = "b-1") -> int:
    with desk.store.write() as c:
        return terminal.end_page(c, batch_id, JobState.EXPIRED, ErrorCode.EXPIRED, limit)


def test_a_page_ends_all_that_is_in_flight_and_some_of_what_waits(desk: Desk) -> None:
    desk.batch()
    desk.take(2)
    desk.dispatch(3)
    assert end_page(desk, 6) == 6
    assert (desk.counts().expired, desk.counts().pending) == (6, 4)
    assert desk.counted() == desk.recount()


def test_what_is_in_flight_ends_at_once_however_small_the_page(desk: Desk) -> None:
    desk.batch()
    desk.take(3)
    assert end_page(desk, 1) == 3
    assert desk.counts().running == 0


def test_a_page_that_is_not_full_was_the_last(desk: Desk) -> None:
    desk.batch()
    assert [end_page(desk, 4) for _ in range(4)] == [4, 4, 2, 0]
    assert desk.counted() == desk.recount()


def test_each_job_that_was_ended_has_its_record(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    (done, _) = desk.take()
    desk.record(outcome(done))
    end_page(desk, 10)
    first, second = desk.page()
    assert first.state == "succeeded"
    assert (second.state, second.error_code) == ("expired", "expired")
    assert second.error_message


def test_other_batches_go_on(desk: Desk) -> None:
    desk.batch(line(1))
    desk.batch(line(1), batch_id="b-2")
    desk.take()
    assert end_page(desk, 10) == 1
    assert desk.counts("b-2").running == 1


def test_the_holder_of_an_ended_job_learns_it_by_its_heartbeat(desk: Desk) -> None:
    desk.batch(line(1))
    held = hints_of(desk.take())
    end_page(desk, 10)
    assert desk.beat(*held).lost == (held[0].job_id,)


def test_a_job_that_strayed_back_into_a_session_is_ended_too(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    one, two = desk.take()
    desk.do("UPDATE jobs SET lease_until = lease_until - 100")
    desk.reap()
    assert end_page(desk, 1) == 1
    for job in (one, two):
        desk.beat(Hint(job.job_id, job.epoch))
    assert end_page(desk, 1) == 1
    assert end_page(desk, 1) == 0
