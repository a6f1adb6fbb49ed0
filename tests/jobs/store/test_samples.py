"""What pools did over time: exact sums, nothing twice, and no more than a day of it."""

import re

import pytest
from sqlalchemy import text

from jobs.states import JobState
from jobs.store import samples
from jobs.store.samples import Stretch
from tests.jobs.store.desk import Desk, line, outcome


def sample(desk: Desk, **running: int) -> None:
    with desk.store.write() as c:
        samples.sample(c, running)


def since(desk: Desk, start: float = 0.0, width_s: float = 1e12) -> list[Stretch]:
    with desk.store.read() as c:
        return samples.since(c, start, width_s)


def put(desk: Desk, pool: str, at: float, jobs: int, queued: int = 0) -> None:
    desk.do("INSERT INTO samples VALUES (:p, :a, :j, 0, 0, 0, :q)", p=pool, a=at, j=jobs, q=queued)


def test_a_sample_has_what_was_recorded_since_the_one_before(desk: Desk) -> None:
    desk.batch()
    first, second = desk.take(4), desk.take(2)
    desk.record(*(outcome(job, input_tokens=2) for job in first))
    sample(desk, mlx=2)
    desk.record(*(outcome(job, JobState.FAILED) for job in second))
    sample(desk, mlx=0)

    assert desk.ask(
        "SELECT jobs, input_tokens, output_tokens, running, queued FROM samples ORDER BY at"
    ) == [(4, 8, 12, 2, 4), (2, 0, 0, 0, 4)]


def test_samples_add_up_to_the_counts_of_the_batches(desk: Desk) -> None:
    for name in ("b-1", "b-2"):
        desk.batch(batch_id=name)
    for _ in range(5):
        desk.record(*(outcome(job, input_tokens=7) for job in desk.take(4)))
        sample(desk)

    (whole,) = since(desk)
    both = desk.counts("b-1"), desk.counts("b-2")
    assert whole.jobs == sum(counts.finished for counts in both) == 20
    assert whole.input_tokens == sum(counts.input_tokens for counts in both)
    assert whole.output_tokens == sum(counts.output_tokens for counts in both)


def test_what_came_too_late_or_comes_again_is_not_counted_as_a_job(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    one, two = desk.take()
    desk.record(outcome(one))
    desk.record(outcome(one), outcome(two, JobState.PENDING, output_tokens=5))
    sample(desk)

    (whole,) = since(desk)
    assert (whole.jobs, whole.output_tokens) == (1, 8)


def test_the_pool_is_the_one_that_did_the_work(desk: Desk) -> None:
    desk.batch()
    one, two = desk.take(2)
    desk.record(outcome(one), outcome(two, pool="ollama"))
    sample(desk)
    assert [(each.pool, each.jobs) for each in since(desk)] == [("mlx", 1), ("ollama", 1)]


def test_a_pool_that_only_waits_or_only_lives_has_samples_too(desk: Desk) -> None:
    desk.batch()
    sample(desk, idle=0)
    assert [(each.pool, each.queued) for each in since(desk)] == [("idle", 0), ("mlx", 10)]


def test_two_samples_in_one_moment_are_one(desk: Desk) -> None:
    desk.batch()
    for job in desk.take():
        desk.record(outcome(job))
        sample(desk, mlx=0)
    assert sum(each.jobs for each in since(desk)) == 10


def test_what_was_skipped_is_in_no_sample(desk: Desk) -> None:
    desk.batch()
    desk.record(*map(outcome, desk.take(3)))
    with desk.store.write() as c:
        samples.skip(c)
    sample(desk, mlx=0)
    assert since(desk)[0].jobs == 0


def test_stretches_are_put_together_by_pool_and_time(desk: Desk) -> None:
    for at in (101.0, 106.0, 111.0):
        put(desk, "mlx", at, 2, queued=int(at))
    put(desk, "ollama", 103.0, 5)

    found = since(desk, 0, 10.0)

    assert [(each.pool, each.first_at, each.last_at, each.jobs) for each in found] == [
        ("mlx", 101.0, 106.0, 4),
        ("mlx", 111.0, 111.0, 2),
        ("ollama", 103.0, 103.0, 5),
    ]
    assert found[0].queued == 103.5
    assert [each.pool for each in since(desk, 105.0)] == ["mlx"]


def test_samples_older_than_a_day_go_whatever_their_pool(desk: Desk) -> None:
    sample(desk, mlx=0)
    now = since(desk)[0].last_at
    for pool in ("mlx", "gone"):
        put(desk, pool, now - samples.KEPT_S - 60, 1)
        put(desk, pool, now - samples.KEPT_S + 60, 2)
    sample(desk, mlx=0)
    assert [(each.pool, each.jobs) for each in since(desk)] == [("gone", 2), ("mlx", 2)]


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
def test_postgres_finds_samples_by_pool_and_time(desk: Desk) -> None:
    values = {"start": 0.0, "width": 1.0}
    sql = re.sub(r"%\((\w+)\)s", r":\1", samples._SINCE._for("postgresql"))
    with desk.store.read() as c:
        c.execute(text("SET LOCAL enable_seqscan = off"))
        steps = c.execute(text("EXPLAIN " + sql), values).scalars().all()
    assert not any("Seq Scan on samples" in step for step in steps)
