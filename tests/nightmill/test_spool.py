"""What comes by standard input lies on the disk only while it is read in."""

import io
import os
import stat
from pathlib import Path

import pytest

from nightmill.spool import spool_file, spooled


def test_a_stream_becomes_a_private_file_that_goes_with_the_block(tmp_path: Path) -> None:
    with spooled(io.BytesIO(b"x" * 600_000), tmp_path, lambda: None) as path:
        assert path.read_bytes() == b"x" * 600_000
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    assert list(tmp_path.iterdir()) == []


def test_whoever_stops_the_reading_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), spooled(io.BytesIO(b"x"), tmp_path, stop):
        pytest.fail("went on")

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays(tmp_path: Path) -> None:
    left = tmp_path / ".nightmill-input-left"
    left.write_text("a prompt")
    other = tmp_path / ".nightmill-other"
    other.write_text("of somebody else")

    with spool_file(tmp_path) as first:
        first.write(b"in use")
        first.flush()
        with spool_file(tmp_path):
            assert Path(first.name).exists()

    assert list(tmp_path.iterdir()) == [other]


def test_waiting_for_a_writer_that_says_nothing_can_be_stopped(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    reading, writing = os.pipe()
    try:
        with (
            os.fdopen(reading, "rb") as stream,
            pytest.raises(KeyboardInterrupt),
            spooled(stream, tmp_path, stop),
        ):
            pytest.fail("went on")
    finally:
        os.close(writing)
