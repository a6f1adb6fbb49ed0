"""Rows out of what a program has them in."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.errors import InputError
from jobs.locks import FileLock
from nightmill.frames import rows_of
from nightmill.rowfile import written_rows

ROWS = [{"text": "one"}, {"text": "two"}]


class Polars:
    def iter_rows(self, *, named: bool) -> Iterator[dict[str, str]]:
        assert named
        return iter(ROWS)

    def to_dicts(self) -> None:
        raise AssertionError("all rows at once are not asked for")


class Pandas:
    """Going through one gives the names of its columns."""

    def __iter__(self) -> Iterator[str]:
        return iter(["text"])

    def to_dict(self, orient: str) -> list[dict[str, str]]:
        assert orient == "records"
        return ROWS


class ArrowBatch:
    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows

    def to_pylist(self) -> list[dict[str, str]]:
        return self.rows


class ArrowTable:
    """Going through one gives its columns."""

    def __iter__(self) -> Iterator[list[str]]:
        return iter([["one", "two"]])

    def to_batches(self) -> list[ArrowBatch]:
        return [ArrowBatch(ROWS[:1]), ArrowBatch(ROWS[1:])]


class OnlyDicts:
    def to_dicts(self) -> list[dict[str, str]]:
        return ROWS


@pytest.mark.parametrize(
    "given", [ROWS, tuple(ROWS), Polars(), Pandas(), ArrowTable(), ArrowBatch(ROWS), OnlyDicts()]
)
def test_rows_come_out_of_lists_and_data_frames(given: Any) -> None:
    assert list(rows_of(given)) == ROWS


@pytest.mark.parametrize(
    ("given", "said"), [({"prompt": "x"}, "put it into a list"), (3, "or a path, got int")]
)
def test_what_has_no_rows_is_refused_in_words(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        rows_of(given)


class Timestamp(dt.datetime):
    """pandas has its own."""


class NaTType:
    """A time that is missing."""

    def isoformat(self) -> str:
        return "NaT"


def test_values_of_numpy_and_pandas_are_written_as_json_has_them(tmp_path: Path) -> None:
    row = {
        "n": np.int64(3),
        "v": np.array([1.5, 2.0]),
        "none": float("nan"),
        "at": Timestamp(2026, 1, 1),
        "never": NaTType(),
    }

    with written_rows(tmp_path, [row]) as path:
        assert path.read_text() == (
            '{"n":3,"v":[1.5,2.0],"none":null,"at":"2026-01-01T00:00:00","never":null}\n'
        )


def test_rows_that_a_killed_program_left_behind_are_removed_and_those_in_use_are_not(
    tmp_path: Path,
) -> None:
    left = tmp_path / ".nightmill-input-left.jsonl"
    used = tmp_path / ".nightmill-input-used.jsonl"
    left.write_text("a prompt")
    used.write_text("a prompt")

    with FileLock(used), written_rows(tmp_path, ROWS) as path:
        assert not left.exists()
        assert used.exists()
        assert path.exists()
    assert not path.exists()


def test_threads_that_write_rows_at_the_same_time_do_not_trip_over_each_other(
    tmp_path: Path,
) -> None:
    def write(name: str) -> None:
        for number in range(150):
            with written_rows(tmp_path, [{"text": f"{name}{number}"}]) as path:
                assert path.read_text() == f'{{"text":"{name}{number}"}}\n'

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, "abcdefgh"))

    assert list(tmp_path.iterdir()) == []
