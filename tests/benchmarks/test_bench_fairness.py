"""The fairness bench with a handful of batches."""

from pathlib import Path

import pytest

from nightmill.bench import fairness, run
from nightmill.bench.options import BenchOptions


def test_small_batches_are_measured_beside_a_large_one_and_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "SMALL_BATCHES", 3)
    monkeypatch.setattr(fairness, "EVERY_S", 0.05)
    monkeypatch.setattr(fairness, "SLOTS", 8)

    options = BenchOptions(folder=tmp_path, stores=("sqlite",), runs=1, size=3_000)
    result = run("fairness", options)

    assert result.name == "fairness on sqlite"
    assert (result.ours, result.peer) == (result.runs[0].ours, result.runs[0].peer)
    assert result.detail["median_wait_beside_s"] == pytest.approx(1 / result.ours)
    assert result.detail["median_wait_alone_s"] >= fairness.ANSWER_S
