from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.mill import Mill


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[Mill]:
    home = tmp_path / "home"
    home.mkdir()
    mill = Mill(home)
    yield mill
    mill.end()
