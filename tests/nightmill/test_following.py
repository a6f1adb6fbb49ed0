"""Each row is told once, as soon as it has finished, in whatever order that is."""

import random

import pytest

from jobs.states import JobState
from nightmill import following
from nightmill.following import Finished
from tests.jobs.store.desk import Desk, line, outcome


@pytest.fixture
def desk(sqlite_store: object, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(following, "PAGE", 3)
    monkeypatch.setattr(following, "SHARE", float("inf"))
    desk = Desk(sqlite_store)  # type: ignore[arg-type]
    desk.batch(*(line(i) for i in range(1, 21)))
    return desk


def test_rows_that_finish_in_any_order_are_each_told_once(desk: Desk) -> None:
    jobs = desk.take()
    random.Random(3).shuffle(jobs)
    finished, told = Finished(desk.store, "b-1"), []

    for start in range(0, 20, 4):
        desk.record(*(outcome(job) for job in jobs[start : start + 4]))
        news = finished.news()
        assert len(news) == 4
        told += news
        assert finished.news() == []

    assert sorted(told) == list(range(1, 21))
    assert finished.rest() == []


def test_a_row_that_runs_again_after_it_was_told_is_not_told_again(desk: Desk) -> None:
    jobs = desk.take()
    finished = Finished(desk.store, "b-1")
    desk.record(*(outcome(job, JobState.FAILED) for job in jobs[:2]))
    told = finished.news()

    desk.retry()
    desk.record(*(outcome(job) for job in (*desk.take(), *jobs[2:])))
    told += finished.news() + finished.rest()

    assert sorted(told) == list(range(1, 21))


def test_what_is_told_can_be_fetched(desk: Desk) -> None:
    jobs = desk.take()
    desk.record(outcome(jobs[1], text="yes"), outcome(jobs[3], JobState.FAILED))
    finished = Finished(desk.store, "b-1")

    rows = finished.fetch(finished.news())

    assert [(row.line, row.text, row.error_code) for row in rows] == [
        (2, "yes", None),
        (4, None, "refused"),
    ]


def test_looking_takes_a_part_of_the_time_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "SHARE", 1e-9)
    jobs = desk.take()
    finished = Finished(desk.store, "b-1")
    desk.record(outcome(jobs[0]))
    assert finished.news() == [1]

    desk.record(outcome(jobs[1]))

    assert finished.news() == []
    assert finished.rest() == [2]
