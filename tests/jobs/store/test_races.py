"""Several at once: every job goes to one of them, and nothing is counted twice."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from jobs.model import Claimed
from jobs.states import JobState
from jobs.store import counters
from tests.jobs.store.desk import Desk, hints_of, line, outcome

T = TypeVar("T")
ROWS = 60


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Run them on as many threads, begun at the same moment; what they gave, in order."""
    start = threading.Barrier(len(calls))

    def begin(call: Callable[[], T]) -> T:
        start.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        running = [threads.submit(begin, call) for call in calls]
        return [future.result(60) for future in running]


def big_batch(desk: Desk) -> None:
    desk.batch(*(line(i) for i in range(1, ROWS + 1)))


def chunks(items: list[T], size: int) -> list[list[T]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def test_two_dispatchers_never_give_the_same_job(desk: Desk) -> None:
    big_batch(desk)

    def all_of_it() -> list[str]:
        given = []
        while hints := desk.dispatch(7):
            given += [hint.job_id for hint in hints]
        return given

    one, two = at_once(all_of_it, all_of_it)
    # A row that the other one holds at that moment is left to it; here nobody comes again.
    assert len(set(one + two)) == len(one + two) <= ROWS
    assert desk.counted() == desk.recount()


def test_two_sessions_never_claim_the_same_job(desk: Desk) -> None:
    big_batch(desk)
    hints = desk.dispatch()

    def claim_all(session: str, step: int) -> list[Claimed]:
        ordered = hints[::step]
        return [job for pack in chunks(ordered, 8) for job in desk.claim(pack, session)]

    one, two = at_once(lambda: claim_all("s1", 1), lambda: claim_all("s2", -1))
    assert len(one + two) == len(hints)
    assert set(hints_of(one + two)) == set(hints)
    assert desk.counted() == desk.recount()


def test_two_recorders_of_the_same_jobs_have_one_winner_each(desk: Desk) -> None:
    big_batch(desk)
    jobs = desk.take()

    def record_all(text: str, order: int) -> list[str]:
        outcomes = [outcome(job, text=text) for job in jobs][::order]
        return [job_id for group in chunks(outcomes, 8) for job_id in desk.record(*group)]

    one, two = at_once(lambda: record_all("one", 1), lambda: record_all("two", -1))
    assert sorted(one + two) == sorted(job.job_id for job in jobs)
    assert {(row.job_id, row.text) for row in desk.page()} == {
        *((job_id, "one") for job_id in one),
        *((job_id, "two") for job_id in two),
    }
    assert desk.counted() == desk.recount()


def test_cancelling_and_recording_leave_one_record_each(desk: Desk) -> None:
    big_batch(desk)
    jobs = desk.take(ROWS // 2)

    def record_all() -> int:
        groups = chunks([outcome(job) for job in jobs], 4)
        return sum(len(desk.record(*group)) for group in groups)

    recorded, cancelled = at_once(record_all, desk.cancel)
    assert recorded + cancelled == ROWS
    assert desk.ask("SELECT count(*), count(DISTINCT job_id) FROM results") == [(ROWS, ROWS)]
    assert desk.counted() == desk.recount()


def test_reaping_and_recording_leave_every_job_whole(desk: Desk) -> None:
    big_batch(desk)
    jobs = desk.take(lease_s=-1)

    def fail_all() -> int:
        groups = chunks([outcome(job, JobState.FAILED) for job in jobs], 4)
        return sum(len(desk.record(*group)) for group in groups)

    failed, reaped = at_once(fail_all, desk.reap)
    assert failed + reaped == ROWS
    assert desk.counts().failed == failed
    assert desk.counted() == desk.recount()


def test_nobody_finalises_a_batch_that_is_being_retried(desk: Desk) -> None:
    desk.batch(line(1))
    for _ in range(5):
        (job,) = desk.take()
        desk.record(outcome(job, JobState.FAILED))
        at_once(desk.finalize, desk.retry)
        assert (desk.batch_state(), desk.states()) == ("open", {1: "pending"})


def test_folding_beside_others_loses_no_delta(desk: Desk) -> None:
    big_batch(desk)
    over = threading.Event()

    def fold() -> None:
        while not over.is_set():
            with desk.store.write() as c:
                counters.fold(c)

    def work() -> None:
        try:
            while jobs := desk.take(5):
                desk.record(*(outcome(job) for job in jobs))
        finally:
            over.set()

    at_once(fold, fold, work)
    assert desk.counts().succeeded == ROWS
    assert desk.counted() == desk.recount()
