import hashlib
from pathlib import Path

import pytest

from producer.source import BLOCK, Source


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.write_bytes(b"x" * (2 * BLOCK + 1))
    return path


def test_a_file_is_read_in_blocks_and_hashed_on_the_way(path: Path) -> None:
    source = Source(path)
    assert [len(block) for block in source.blocks()] == [BLOCK, BLOCK, 1]
    assert source.bytes_read == source.size == 2 * BLOCK + 1
    assert source.hash == hashlib.blake2b(path.read_bytes(), digest_size=32).hexdigest()
    assert source.hash == source.whole_hash()


def test_each_reading_begins_at_the_start(path: Path) -> None:
    source = Source(path)
    next(source.blocks())
    assert sum(len(block) for block in source.blocks()) == source.size


def test_a_file_that_is_written_to_has_changed(path: Path) -> None:
    source = Source(path)
    assert not source.has_changed()
    path.write_bytes(b"y")
    assert source.has_changed()
