"""The leading dispatcher deletes what ended long ago, a page at a time."""

from collections.abc import Callable

import pytest

from jobs.errors import StoreError
from jobs.store.store import Store
from producer import retention
from producer.retention import Retention
from tests.jobs.store.desk import Desk

DAY_S = 86_400.0


@pytest.fixture
def desk(store: Store, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Two batches that ended forty days ago and one that has not ended."""
    monkeypatch.setattr(retention, "BUSY_PAGE", 4)
    monkeypatch.setattr(retention, "QUIET_PAGE", 6)
    desk = Desk(store)
    for batch_id in ("b-1", "b-2", "b-3"):
        desk.batch(batch_id=batch_id)
    desk.cancel("b-1")
    desk.cancel("b-2")
    desk.do("UPDATE batches SET finished_at = finished_at - 40 * 86400")
    desk.do("UPDATE batches SET created_at = created_at - 80 * 86400")
    return desk


def rows_left(desk: Desk) -> int:
    return int(desk.ask("SELECT count(*) FROM jobs")[0][0])


def test_a_page_a_step_and_larger_ones_while_nothing_runs(desk: Desk) -> None:
    gone: list[str] = []
    keeper = Retention(desk.store, 30 * DAY_S, gone.append)
    left = []
    for step, is_quiet in enumerate([False, False, False, True, True]):
        keeper.step(float(step), is_quiet=is_quiet)
        left.append(rows_left(desk))

    assert left == [26, 22, 20, 14, 10]
    assert gone == ["b-1", "b-2"]
    assert desk.ask("SELECT id FROM batches") == [("b-3",)]
    assert desk.ask("SELECT who, verb, batch_id FROM actions WHERE verb = 'prune'") == [
        ("dispatcher", "prune", "")
    ]
    assert desk.counted("b-3") == desk.recount("b-3")


def test_nothing_is_deleted_unless_it_was_configured_and_is_old_enough(desk: Desk) -> None:
    for keep_s in (None, 50 * DAY_S):
        Retention(desk.store, keep_s).step(0.0, is_quiet=True)

    assert rows_left(desk) == 30


def test_the_next_leader_goes_on_with_what_was_begun(desk: Desk) -> None:
    Retention(desk.store, 30 * DAY_S).step(0.0, is_quiet=True)
    keeper = Retention(desk.store, 30 * DAY_S)

    for step in range(4):
        keeper.step(float(step), is_quiet=True)

    assert rows_left(desk) == 10


def test_it_looks_again_only_after_a_while(desk: Desk) -> None:
    keeper = Retention(desk.store, 50 * DAY_S)
    keeper.step(0.0, is_quiet=True)
    desk.do("UPDATE batches SET finished_at = finished_at - 40 * 86400")

    keeper.step(1.0, is_quiet=True)
    before = rows_left(desk)
    keeper.step(retention.LOOK_EVERY_S, is_quiet=True)

    assert (before, rows_left(desk)) == (30, 24)


def prune_all(desk: Desk) -> None:
    keeper = Retention(desk.store, 30 * DAY_S)
    for step in range(8):
        keeper.step(float(step), is_quiet=True)


def test_the_file_is_made_smaller_once_nothing_is_unfinished(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    compacted: list[bool] = []
    monkeypatch.setattr(Store, "compact", lambda _self: compacted.append(True))
    desk = Desk(sqlite_store)
    for batch_id in ("b-1", "b-2"):
        desk.batch(batch_id=batch_id)
    desk.cancel("b-1")
    desk.do("UPDATE batches SET finished_at = finished_at - 40 * 86400")
    prune_all(desk)
    assert compacted == []
    desk.cancel("b-2")
    desk.do("UPDATE batches SET finished_at = finished_at - 40 * 86400")

    prune_all(desk)

    assert compacted == [True]


def test_a_file_that_cannot_be_made_smaller_holds_up_nobody(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail: Callable[[Store], bool] = _fail
    monkeypatch.setattr(Store, "compact", fail)
    desk = Desk(sqlite_store)
    desk.batch()
    desk.cancel()
    desk.do("UPDATE batches SET finished_at = finished_at - 40 * 86400")

    prune_all(desk)

    assert rows_left(desk) == 0


def _fail(_store: Store) -> bool:
    raise StoreError("locked")
