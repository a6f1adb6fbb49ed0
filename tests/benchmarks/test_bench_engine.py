from pathlib import Path

import pytest

from backends.mlx.models import DEMO_FOLDER
from jobs.errors import UsageError
from nightmill.bench import run
from nightmill.bench.engine import OVERHEAD
from nightmill.bench.options import BenchOptions


def test_the_engine_bench_measures_both_sides_and_says_what_a_tiny_model_tells(
    tiny: BenchOptions,
) -> None:
    if not DEMO_FOLDER.is_dir():
        pytest.skip("the demo model is not there")

    result = run("engine", BenchOptions(folder=tiny.folder, stores=("sqlite",), runs=1, size=8))

    assert result.name == "engine on sqlite"
    assert result.ours > 0
    assert result.peer > 0
    assert result.detail["tokens"] > 0
    assert result.detail["says"] == OVERHEAD
    assert list(tiny.folder.iterdir()) == []


def test_a_folder_without_a_model_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no model"):
        run("engine", BenchOptions(folder=tmp_path, model=tmp_path / "none"))
