"""A dry run finds what a submit would find, and stores nothing."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from jobs.codes import ErrorCode
from jobs.errors import InputError, UsageError
from jobs.store import batches, history
from jobs.store.store import Store
from producer.part import Part
from producer.rehearsal import Rehearsal, rehearse
from tests.producer.by_hand import answer_all, plan, submitted, write_input

CONTEXTS = {"demo": 1100, "qwen": 0}


def rehearsed(store: Store | None, wanted: Any) -> Rehearsal:
    return rehearse(store, wanted, CONTEXTS)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = [{"prompt": "one", "system": "Be brief."}, {"prompt": "x" * 400}, b"{", {"a": 1}]
    same = [{"prompt": "five", "custom_id": "x"}, {"prompt": "six", "custom_id": "x"}]
    return write_input(tmp_path / "in.jsonl", *rows, *same, {"prompt": "y" * 400, "model": "qwen"})


def test_it_counts_shows_and_measures_and_stores_nothing(sqlite_store: Store, source: Path) -> None:
    found = rehearsed(sqlite_store, plan(source))

    assert (found.rows, found.bad_lines, found.model, found.pool) == (4, 3, "demo", "mlx")
    assert [(fault.line, fault.code) for fault in found.faults] == [
        (3, ErrorCode.INVALID_JSON),
        (4, ErrorCode.MISSING_PROMPT),
        (6, ErrorCode.DUPLICATE_CUSTOM_ID),
    ]
    assert [prompt.line for prompt in found.prompts] == [1, 2, 5]
    assert [message.content for message in found.prompts[0].messages] == ["Be brief.", "one"]
    assert (found.longest, found.input_tokens) == (100, 3 + 100 + 1 + 100)
    # 100 tokens and 1024 for the answer do not fit 1100; of the other model nothing is known.
    assert (found.too_long, [spot.line for spot in found.long_rows]) == (1, [2])
    with sqlite_store.read() as c:
        assert batches.newest(c, 1) == []


def test_what_it_counts_is_what_a_submit_brings_in(sqlite_store: Store, source: Path) -> None:
    found = rehearsed(None, plan(source))

    done = submitted(sqlite_store, plan(source))

    assert (found.rows, found.bad_lines) == (done.new - done.bad_lines, done.bad_lines)


def test_of_a_part_only_its_rows_are_told(source: Path) -> None:
    found = rehearsed(None, plan(source, part=Part(limit=2)))

    assert (found.rows, found.bad_lines, len(found.prompts)) == (2, 0, 2)


def test_it_refuses_what_a_submit_refuses(sqlite_store: Store, source: Path) -> None:
    submitted(sqlite_store, plan(source))

    with pytest.raises(UsageError, match="--max-tokens"):
        rehearsed(sqlite_store, plan(source, max_tokens=5))
    with pytest.raises(UsageError, match="names `nope`"):
        rehearsed(sqlite_store, plan(source, is_fresh=True, prompt="{nope}"))
    source.write_text("{\n")
    with pytest.raises(InputError, match="no usable line"):
        rehearsed(sqlite_store, plan(source))


def test_what_earlier_batches_took_is_known_by_the_model(store: Store, source: Path) -> None:
    with store.read() as c:
        assert history.rates(c, "demo") == []
    submitted(store, plan(source))
    answer_all(store)
    with store.write() as c:
        c.execute(text("UPDATE jobs SET started_at = started_at - 2"))

    with store.read() as c:
        [rate] = history.rates(c, "demo")
        assert rate == pytest.approx(3 / 2, rel=0.5)
        assert history.rates(c, "qwen") == []
