"""The queue bench with a handful of jobs: both sides do the work; nobody asks how fast."""

from itertools import repeat
from pathlib import Path

import pytest
from sqlalchemy import URL, text

from jobs.settings_pools import PoolSettings
from nightmill.bench import run
from nightmill.bench.batch import submit_requests
from nightmill.bench.celery_peer import Tuning, celery_worker
from nightmill.bench.mill import Mill
from nightmill.bench.options import BenchOptions
from nightmill.bench.queue import HOLD, REQUEST

TUNING = Tuning(concurrency=4, prefetch_multiplier=4, acks_late=False)


def assert_is_complete(figures: BenchOptions, kinds: list[str]) -> None:
    result = run("queue", figures)
    parts = result.detail["parts"]

    assert [part.name for part in parts] == [
        f"queue on {kind}, {name}" for kind in kinds for name in HOLD
    ]
    assert all(part.ours > 0 and part.peer > 0 for part in parts)
    assert all(part.detail["fsyncs_per_s"] > 0 for part in parts)
    assert list(figures.folder.iterdir()) == []


@pytest.mark.usefixtures("_one_tuning")
def test_the_queue_bench_measures_packs_and_single_jobs(tiny: BenchOptions) -> None:
    assert_is_complete(tiny, ["sqlite"])


@pytest.mark.long
@pytest.mark.usefixtures("_one_tuning")
def test_the_queue_bench_measures_on_a_server_of_the_users(
    tmp_path: Path, postgres_server_url: URL
) -> None:
    url = postgres_server_url.render_as_string(hide_password=False)

    assert_is_complete(BenchOptions(folder=tmp_path, stores=(url,), runs=1, size=100), ["postgres"])


def test_our_side_records_every_job_once(tmp_path: Path, sqlite_url: str) -> None:
    pool = PoolSettings(backend="null", slots=4)
    with Mill(tmp_path / "mill", sqlite_url, pool) as mill:
        batch_id = submit_requests(mill.store, mill.pool, repeat(REQUEST, 60))
        drained = mill.drain(batch_id)
        with mill.store.read() as c:
            records = c.execute(text("SELECT count(*) FROM results")).scalar_one()
            attempts = c.execute(text("SELECT count(*) FROM attempts")).scalar_one()

        with celery_worker(mill.broker_url, TUNING) as celery:
            figures = [celery.drain(20, 16), celery.drain(20, 1)]

    assert (drained.jobs, drained.tokens, records, attempts) == (60, 60, 60, 60)
    assert all(figure > 0 for figure in figures)
