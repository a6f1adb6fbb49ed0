"""A run over a store that cannot be written for a while: a full disk, a lock held by others."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nightmill.conftest import Start
from tests.nightmill.mill_process import answered, end_of, read_rows, write_rows
from tests.nightmill.processes import marked
from tests.waiting import eventually

ROWS = 3000
RUN = ("run", "in.jsonl", "-o", "out.jsonl")


@pytest.fixture
def small_disk(mill: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of a few megabytes that holds the data directory and nothing else."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux may mount a small disk")
    disk = mill / "data"
    disk.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk may be mounted here")
    # All of it is less than what otherwise has to stay free.
    monkeypatch.setenv("NIGHTMILL_STORE__MIN_FREE", "0")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path, but: int = 0) -> Path:
    """Take all that is free on a disk, but for so many bytes; the file that does."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while shutil.disk_usage(disk).free > but:
            file.write(b"x" * 4096)
    return filler


def test_a_full_disk_is_told_and_waited_for(small_disk: Path, mill: Path, start: Start) -> None:
    write_rows(mill / "in.jsonl", ROWS)
    run = start(*RUN)
    eventually(lambda: answered(mill) >= 50, "the first answers")

    filler = fill(small_disk)
    said = _line_with(run, "Trying for up to a minute")
    filler.unlink()

    status, _, _ = end_of(run, 120)
    assert "full" in said
    assert status == 0
    assert len(read_rows(mill / "out.jsonl")) == ROWS


def test_nothing_more_is_begun_before_the_disk_is_full_and_then_it_goes_on(
    small_disk: Path, mill: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTMILL_STORE__MIN_FREE", "4 MB")
    filler = fill(small_disk, but=3_500_000)
    write_rows(mill / "in.jsonl", 20)
    run = start(*RUN)

    said = _line_with(run, "Trying for up to a minute")
    begun = answered(mill)
    filler.unlink()

    status, _, err = end_of(run, 120)
    assert "no more rows are begun until there is room" in said
    assert begun == 0
    assert status == 0
    assert "damaged" not in err
    assert len(read_rows(mill / "out.jsonl")) == 20


@pytest.mark.long
def test_a_disk_without_room_for_a_minute_ends_the_run_which_can_be_resumed(
    small_disk: Path, mill: Path, mark: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTMILL_STORE__MIN_FREE", "4 MB")
    filler = fill(small_disk, but=3_500_000)
    write_rows(mill / "in.jsonl", 20)

    status, _, err = end_of(start(*RUN), 180)
    assert status == 3
    assert "no more rows are begun" in err
    assert "to go on:" in err
    assert marked(mark) == []

    filler.unlink()
    assert end_of(start(*RUN), 120)[0] == 0


@pytest.mark.long
def test_a_disk_that_stays_full_ends_the_run_which_can_be_resumed(
    small_disk: Path, mill: Path, mark: str, start: Start
) -> None:
    write_rows(mill / "in.jsonl", ROWS)
    run = start(*RUN)
    eventually(lambda: answered(mill) >= 50, "the first answers")
    filler = fill(small_disk)

    status, _, err = end_of(run, 180)
    assert status == 3
    assert "to go on:" in err
    assert marked(mark) == []

    filler.unlink()
    assert end_of(start(*RUN), 120)[0] == 0
    assert len(read_rows(mill / "out.jsonl")) == ROWS


@pytest.mark.long
def test_a_store_that_others_lock_for_longer_than_is_waited_is_got_over(
    mill: Path, start: Start
) -> None:
    write_rows(mill / "in.jsonl", ROWS)
    run = start(*RUN)
    eventually(lambda: answered(mill) >= 50, "the first answers")

    with contextlib.closing(sqlite3.connect(mill / "data" / "nightmill.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        said = _line_with(run, "Trying for up to a minute")
        other.rollback()

    status, _, _ = end_of(run, 120)
    assert "lock" in said
    assert status == 0
    assert len(read_rows(mill / "out.jsonl")) == ROWS


def _line_with(run: "subprocess.Popen[str]", words: str) -> str:
    """The next line of its standard error that has these words; reads until it comes."""
    assert run.stderr is not None
    return next(line for line in run.stderr if words in line)
