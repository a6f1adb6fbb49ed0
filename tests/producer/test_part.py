"""A part of the input runs first, and the rest with all of it later."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import UsageError
from jobs.store.store import Store
from producer.part import Part
from tests.producer.by_hand import answer_all, plan, results_of, submitted


def chosen(rows: Sequence[int], **part: Any) -> list[int]:
    return list(Part(**part).of(lambda: rows))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text("prompt\n" + "".join(f"p{number}\n" for number in range(20)))
    return path


@pytest.mark.parametrize("part", [{"limit": 5}, {"sample": 5}, {"sample": 5, "seed": 9}])
def test_the_full_run_keeps_the_answers_of_a_part(
    store: Store, source: Path, part: dict[str, int]
) -> None:
    output = source.with_name("out.jsonl")
    first = submitted(store, plan(source, output, part=Part(**part)))
    assert (first.new, first.bad_lines) == (5, 0)
    tried = answer_all(store)

    full = submitted(store, plan(source, output))

    assert (full.batch.id, full.kept, full.new) == (first.batch.id, 5, 15)
    assert sorted([*tried, *answer_all(store)]) == sorted(f"p{number}" for number in range(20))
    assert len(results_of(store, full.batch.id)) == 20


def test_the_same_part_again_runs_nothing(store: Store, source: Path) -> None:
    for part in (Part(limit=3), Part(sample=3)):
        submitted(store, plan(source, part=part, is_fresh=True))
        answer_all(store)

        again = submitted(store, plan(source, part=part))

        assert (again.kept, again.new, answer_all(store)) == (3, 0, [])


def test_a_part_after_the_whole_gives_back_its_rows_and_loses_no_answer(
    sqlite_store: Store, source: Path
) -> None:
    submitted(sqlite_store, plan(source))
    answer_all(sqlite_store)

    part = submitted(sqlite_store, plan(source, part=Part(limit=2)))
    assert len(results_of(sqlite_store, part.batch.id)) == 2

    submitted(sqlite_store, plan(source))
    assert answer_all(sqlite_store) == []
    assert len(results_of(sqlite_store, part.batch.id)) == 20


@given(size=st.integers(0, 60), number=st.integers(1, 60), seed=st.integers(0, 9))
def test_a_sample_is_some_of_the_rows_in_their_order(size: int, number: int, seed: int) -> None:
    rows = range(size)

    found = chosen(rows, sample=number, seed=seed)

    assert found == sorted(set(found) & set(rows))
    assert len(found) == min(size, number)
    assert found == chosen(rows, sample=number, seed=seed)


def test_the_seed_chooses_the_sample() -> None:
    assert chosen(range(100), sample=10, seed=1) != chosen(range(100), sample=10, seed=2)


def test_a_row_more_changes_at_most_one_of_the_sample() -> None:
    before, after = (set(chosen(range(size), sample=10)) for size in (100, 101))

    assert len(before - after) <= 1


def test_a_part_reads_no_further_than_it_must() -> None:
    def rows() -> Any:
        yield from range(3)
        pytest.fail("read on")

    assert list(Part(limit=3).of(rows)) == [0, 1, 2]


@pytest.mark.parametrize("part", [{"limit": 0}, {"sample": -1}, {"limit": 1, "sample": 1}])
def test_a_part_that_cannot_be_had_is_refused(part: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=r"--limit|--sample"):
        Part(**part)
