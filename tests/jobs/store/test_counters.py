"""Counts without a hot row and without a scan."""

from jobs.store import counters
from tests.jobs.store.desk import Desk, line, outcome


def folded(desk: Desk, limit: int = 5000) -> int:
    with desk.store.write() as c:
        return counters.fold(c, limit)


def deltas(desk: Desk) -> int:
    count: int = desk.ask("SELECT count(*) FROM counters")[0][0]
    return count


def test_folding_leaves_one_row_a_batch_and_the_same_counts(desk: Desk) -> None:
    for name in ("b-1", "b-2"):
        desk.batch(batch_id=name)
    desk.record(*(outcome(job, input_tokens=2) for job in desk.take(15)))
    before = desk.counts("b-1"), desk.counts("b-2")
    rows = deltas(desk)
    assert folded(desk) == rows - 2
    assert deltas(desk) == 2
    assert (desk.counts("b-1"), desk.counts("b-2")) == before


def test_folding_what_is_folded_does_nothing(desk: Desk) -> None:
    desk.batch()
    folded(desk)
    assert folded(desk) == 0
    assert desk.counts().pending == 10


def test_a_long_history_is_folded_in_parts(desk: Desk) -> None:
    desk.batch()
    for _ in range(10):
        desk.dispatch(1)
    assert folded(desk, limit=4) == 3
    assert desk.counts().dispatched == 10


def test_what_changes_nothing_writes_nothing(desk: Desk) -> None:
    desk.batch(line(1))
    rows = deltas(desk)
    assert desk.claim([]) == []
    assert desk.record() == set()
    assert desk.dispatch(pool="nobody") == []
    assert deltas(desk) == rows
