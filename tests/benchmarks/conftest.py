from pathlib import Path

import pytest

from nightmill.bench import celery_peer
from nightmill.bench.options import BenchOptions

TUNING = celery_peer.Tuning(concurrency=4, prefetch_multiplier=4, acks_late=False)


@pytest.fixture
def tiny(tmp_path: Path) -> BenchOptions:
    """Just enough to see that both sides work."""
    return BenchOptions(folder=tmp_path, stores=("sqlite",), runs=1, size=100)


@pytest.fixture
def _one_tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying out the settings of Celery takes most of the time of a small bench."""
    monkeypatch.setattr(celery_peer, "candidates", lambda _concurrency: [TUNING])
