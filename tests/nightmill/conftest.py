import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nightmill.mill_process import FAKE_POOL
from tests.nightmill.processes import MARK, marked


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A mark in the environment that every process of the test inherits; all end with it."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    yield mark
    for process in marked(mark):
        process.kill()


@pytest.fixture
def home(tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home with a data directory of its own, and the current folder in it."""
    for name in [n for n in os.environ if n.startswith(("NIGHTMILL_", "XDG_")) and n != MARK]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NIGHTMILL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mill(home: Path) -> Path:
    """A home with a pool that answers by itself, at once."""
    (home / "nightmill.toml").write_text(FAKE_POOL)
    return home
