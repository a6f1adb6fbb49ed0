"""The bench of control with one turn of some verbs."""

from pathlib import Path

import pytest

from nightmill.bench import control, run
from nightmill.bench.options import BenchOptions

SOME = ("cancel a row", "pause a batch", "resume a pool")


def test_verbs_are_measured_from_the_command_to_the_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "TURNS", 1)
    monkeypatch.setattr(control, "SLOTS", 4)
    monkeypatch.setattr(control, "VERBS", {verb: control.VERBS[verb] for verb in SOME})

    result = run("control", BenchOptions(folder=tmp_path, stores=("sqlite",), runs=1))

    parts = result.detail["parts"]
    assert [part.name for part in parts] == [f"{verb} on sqlite" for verb in SOME]
    for part in parts:
        assert part.ours == pytest.approx(1 / part.detail["worst_s"])
        assert part.ok is (part.detail["worst_s"] <= control.LIMIT_S)
    assert result.ok is all(part.ok for part in parts)
