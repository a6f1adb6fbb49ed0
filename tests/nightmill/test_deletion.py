"""Deleting a batch on either database, also in several goes."""

import pytest

from jobs.errors import UsageError
from jobs.store import batches
from jobs.store.store import Store
from nightmill import deletion
from nightmill.deletion import delete_batch
from tests.jobs.store.desk import Desk


class StopHere(Exception):  # noqa: N818  (nothing went wrong)
    """Somebody has pressed Ctrl-C."""


@pytest.fixture
def desk(store: Store, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(deletion, "FIRST_PAGE", 2)
    monkeypatch.setattr(deletion, "LARGEST_PAGE", 2)
    desk = Desk(store)
    desk.batch(name="night")
    desk.batch(batch_id="b-2")
    return desk


def test_all_of_a_batch_goes_and_nothing_of_another(desk: Desk) -> None:
    seen: list[int] = []

    gone = delete_batch(desk.store, "night", seen.append)

    assert (gone.id, gone.rows, gone.is_log_empty) == ("b-1", 10, True)
    assert seen[:5] == [2, 4, 6, 8, 10]
    assert desk.ask("SELECT id FROM batches") == [("b-2",)]
    assert desk.counted("b-2") == desk.recount("b-2")


def test_what_was_stopped_half_way_is_gone_on_with_by_the_same_call_or_the_next_one(
    desk: Desk,
) -> None:
    def stop_at_four(rows: int) -> None:
        if rows == 4:
            raise StopHere

    with pytest.raises(StopHere):
        delete_batch(desk.store, "night", stop_at_four)
    with desk.store.read() as c, pytest.raises(UsageError, match="There is no batch"):
        batches.get(c, "night")

    assert delete_batch(desk.store, "b-2").rows == 16
    assert desk.ask("SELECT count(*) FROM jobs") == desk.ask("SELECT count(*) FROM batches")
    with pytest.raises(UsageError, match="There is no batch"):
        delete_batch(desk.store, "night")


def test_a_batch_that_is_not_there_is_wrong_use(desk: Desk) -> None:
    with pytest.raises(UsageError, match="There is no batch `nope`"):
        delete_batch(desk.store, "nope")
