"""How much room rows take in the store, told before they are stored."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.errors import UsageError
from jobs.store import batches
from jobs.store.store import Store
from producer import room
from producer.part import Part
from producer.reading import Reading
from producer.rehearsal import rehearse
from producer.room import ROW_BYTES, expected_of
from tests.producer.by_hand import parser, plan, submitted, write_input

ROWS = 300


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_input(tmp_path / "in.jsonl", *({"prompt": f"{i:0100}"} for i in range(ROWS)))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What is free on every disk; a test may say another number."""
    disk = {"free": 10**9}
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=disk["free"]))
    return disk


def test_a_dry_run_measures_what_a_submit_stores(sqlite_store: Store, source: Path) -> None:
    told = rehearse(None, plan(source), {}).store_bytes

    submitted(sqlite_store, plan(source))

    with sqlite_store.read() as c:
        sql = "SELECT sum(length(body) + length(row)) FROM requests"
        texts = c.exec_driver_sql(sql).scalar_one()
    assert told == texts + ROWS * ROW_BYTES


def test_what_every_row_says_again_is_told_apart(source: Path) -> None:
    schema = {"type": "object", "description": "x" * 1000}
    plain, shared = (
        rehearse(None, plan(source, **flags), {}) for flags in ({}, {"schema": schema})
    )

    assert plain.shared_bytes == 0
    assert 1000 * ROWS < shared.shared_bytes < shared.store_bytes - plain.store_bytes


def test_the_first_rows_tell_of_the_others(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = plan(source)
    exact = rehearse(None, wanted, {}).store_bytes
    monkeypatch.setattr(room, "LOOKED_AT", 10)

    expected = expected_of(Reading(wanted), parser())

    assert expected.rows == pytest.approx(ROWS, rel=0.01)
    assert expected.size == pytest.approx(exact, rel=0.01)


def test_what_the_disk_cannot_hold_is_refused_with_both_numbers_and_leaves_nothing(
    sqlite_store: Store, source: Path, disk: dict[str, int]
) -> None:
    disk["free"] = 100_000

    with pytest.raises(UsageError, match=r"about 2\d\d KB in the store, .* has 100 KB free"):
        submitted(sqlite_store, plan(source))

    with sqlite_store.read() as c:
        assert batches.newest(c, 1) == []
    assert submitted(sqlite_store, plan(source, part=Part(limit=50))).new == 50


def test_a_run_that_is_all_in_needs_no_more_room(
    sqlite_store: Store, source: Path, disk: dict[str, int]
) -> None:
    submitted(sqlite_store, plan(source))
    disk["free"] = 0

    assert submitted(sqlite_store, plan(source)).kept == ROWS
