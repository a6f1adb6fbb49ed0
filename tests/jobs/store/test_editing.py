"""What waits of a batch is ordered otherwise, or done by another model in another pool."""

import json
from collections import Counter

import pytest

from jobs.errors import UsageError
from jobs.model import Batch, NewJob
from jobs.store import batches, editing
from jobs.store.editing import NO_DEADLINE, NO_LIMIT, Changes
from jobs.store.rewriting import Heir
from tests.jobs.store.desk import Desk, line, outcome

HEIR = Heir(model="qwen3:8b", pool="ollama", endpoints=("chat",))
BODY = '{"model":"demo","messages":[],"max_tokens":7}'


def rows(number: int) -> list[NewJob]:
    return [line(i, body=BODY) for i in range(1, number + 1)]


def give(desk: Desk) -> Counter[str]:
    with desk.store.write() as c:
        return editing.give_to(c, "b-1", HEIR)


def move(desk: Desk, after: int = 0, limit: int = 100) -> tuple[int, int]:
    with desk.store.write() as c:
        page, moved = editing.move_page(c, "b-1", HEIR, after, limit)
    assert len(page.job_ids) == moved
    return moved, page.last_line


def change(desk: Desk, **changes: float) -> Batch:
    with desk.store.write() as c:
        editing.change(c, "b-1", Changes(**changes))
        return batches.get(c, "b-1")


def test_what_waits_goes_to_the_other_pool_and_what_runs_stays(desk: Desk) -> None:
    desk.batch(*rows(4))
    (running,) = desk.take(1)
    sent = desk.dispatch(1)

    assert give(desk) == Counter(mlx=1)
    assert move(desk) == (3, 4)

    assert desk.claim(sent) == []
    (job, *_) = desk.claim(desk.dispatch(pool="ollama"))
    assert json.loads(job.body) == json.loads(BODY) | {"model": "qwen3:8b"}
    assert desk.record(outcome(running)) == {running.job_id}
    assert desk.ask("SELECT line, model, pool FROM jobs ORDER BY line") == [
        (1, "demo", "mlx"),
        *((i, "qwen3:8b", "ollama") for i in (2, 3, 4)),
    ]
    assert desk.ask("SELECT model, pool FROM batches") == [("qwen3:8b", "ollama")]
    assert desk.counted() == desk.recount()


def test_how_fast_others_did_it_is_forgotten(desk: Desk) -> None:
    desk.batch(*rows(1))
    desk.do("UPDATE batches SET jobs_per_s = 40, tokens_per_s = 400")

    give(desk)

    assert desk.ask("SELECT jobs_per_s, tokens_per_s FROM batches") == [(0, 0)]


def test_rows_move_page_by_page_and_the_same_again_moves_the_rest(desk: Desk) -> None:
    desk.batch(*rows(5))
    give(desk)

    assert move(desk, 0, 2) == (2, 2)

    assert move(desk) == (3, 5)
    assert move(desk) == (0, 0)


def test_a_row_that_is_handed_back_by_the_old_pool_waits_for_it(desk: Desk) -> None:
    desk.batch(*rows(1))
    desk.take()
    give(desk)
    move(desk)

    desk.release(blame=False)

    assert move(desk) == (1, 1)


def test_an_heir_that_cannot_do_what_a_row_asks_for_is_refused(desk: Desk) -> None:
    desk.batch(*rows(1), line(2, body='{"endpoint":"embeddings"}'))

    with pytest.raises(UsageError, match="Rows ask for embeddings"), desk.store.read() as c:
        editing.check_page(c, 0, 10, batch_id="b-1", heir=HEIR)


def test_a_batch_that_is_over_is_not_given_away(desk: Desk) -> None:
    desk.batch(*rows(1))
    desk.cancel()

    with pytest.raises(UsageError, match=r"b-1 is cancelled: nothing of it waits any more\."):
        give(desk)
    assert move(desk) == (0, 0)


def test_only_what_is_said_anew_changes(desk: Desk) -> None:
    desk.batch(*rows(1), max_running=4, deadline_in_s=60)

    changed = change(desk, priority=7)

    assert (changed.priority, changed.max_running, changed.max_failures) == (7, 4, 0.5)
    assert changed.deadline is not None


def test_limits_and_deadlines_are_set_and_taken_away(desk: Desk) -> None:
    desk.batch(*rows(1))

    limited = change(desk, max_running=2, deadline_in_s=3600, max_failures=1)
    free = change(desk, max_running=NO_LIMIT, deadline_in_s=NO_DEADLINE)

    assert (limited.max_running, limited.max_failures) == (2, 1)
    assert limited.deadline == pytest.approx(limited.created_at + 3600, abs=5)
    assert (free.max_running, free.deadline) == (None, None)
