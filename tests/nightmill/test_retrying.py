"""Retrying what failed, page by page, also in several goes."""

import pytest

from backends.base import ModelInfo
from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.states import JobState
from jobs.store import actions, ending
from jobs.store.store import Store
from nightmill import heirs
from nightmill.pools import PoolModels
from nightmill.retrying import Again, codes_of, retry_batch
from tests.jobs.store.desk import Desk, line, outcome


class StopHere(Exception):  # noqa: N818  (nothing went wrong)
    """Somebody has pressed Ctrl-C."""


@pytest.fixture
def desk(store: Store, small_pages: None) -> Desk:
    """A desk whose transactions take two rows at most."""
    return Desk(store)


def fail_all(desk: Desk) -> None:
    desk.record(*(outcome(job, JobState.FAILED) for job in desk.take()))
    desk.finalize()


def retry(
    desk: Desk,
    model: str | None = None,
    limit: int | None = None,
    max_tokens: int | None = None,
    **how: object,
) -> int:
    again = Again(model=model, limit=limit, max_tokens=max_tokens)
    return retry_batch(Settings(), desk.store, "b-1", again, **how).retried


def stop_at_four(rows: int) -> None:
    if rows == 4:
        raise StopHere


def test_others_get_to_write_between_the_pages_of_a_retry(desk: Desk) -> None:
    desk.batch()
    fail_all(desk)
    taken: list[int] = []

    assert retry(desk, on_progress=lambda _rows: taken.append(len(desk.take()))) == 10

    assert taken == [2, 2, 2, 2, 2, 0]
    assert desk.counted() == desk.recount()


def test_a_retry_that_was_stopped_half_way_is_gone_on_with_by_the_next(desk: Desk) -> None:
    desk.batch()
    fail_all(desk)

    with pytest.raises(StopHere):
        retry(desk, on_progress=stop_at_four)

    assert (desk.batch_state(), desk.counts().pending) == ("open", 4)
    assert retry(desk) == 6
    assert desk.ask("SELECT DISTINCT run, state FROM jobs") == [(2, "pending")]


def test_nothing_is_retried_by_a_model_that_cannot_do_what_the_last_row_asks_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    chatty = ModelInfo(name="chatty", size=0, context=0, endpoints=("chat",))
    found = [PoolModels(pool="mlx", backend="fake", models=(chatty,))]
    monkeypatch.setattr(heirs, "reachable_models", lambda *_: found)
    desk.batch(*(line(i) for i in range(1, 6)), line(6, body='{"endpoint":"embeddings"}'))
    fail_all(desk)

    with pytest.raises(UsageError, match="Rows ask for embeddings, and chatty does chat only"):
        retry(desk, "chatty")

    assert desk.ask("SELECT DISTINCT state, model FROM jobs") == [("failed", "demo")]


@pytest.mark.parametrize("model", [None, "chatty"])
def test_no_row_gets_room_for_an_answer_that_its_model_has_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, model: str | None
) -> None:
    chatty = ModelInfo(name="chatty", size=0, context=4096, is_strict=True)
    found = [PoolModels(pool="mlx", backend="mlx", models=(chatty,))]
    monkeypatch.setattr(heirs, "reachable_models", lambda *_: found)
    asked = "demo" if model else "chatty"
    desk.batch(*(line(i) for i in range(1, 6)), line(6, body=f'{{"model":"{asked}"}}'))
    fail_all(desk)

    with pytest.raises(UsageError, match=r"chatty has room for 4,096 tokens .* wants 4,096"):
        retry(desk, model, max_tokens=4096)
    assert desk.counts().failed == 6

    assert retry(desk, model, max_tokens=4095) == 6


def test_a_number_of_tokens_that_is_none_is_refused_as_by_submit(desk: Desk) -> None:
    desk.batch()
    fail_all(desk)

    for number in (0, 2**31):
        with pytest.raises(UsageError, match="--max-tokens must be a whole number from 1"):
            retry(desk, max_tokens=number)

    assert desk.counts().failed == 10


def test_the_first_rows_alone_can_be_tried_again(desk: Desk) -> None:
    desk.batch()
    fail_all(desk)

    assert retry(desk, limit=3) == 3

    waiting = desk.ask("SELECT line FROM jobs WHERE state = 'pending' ORDER BY line")
    assert waiting == [(1,), (2,), (3,)]


def test_a_retry_is_in_the_history_of_its_batch(desk: Desk) -> None:
    desk.batch()
    fail_all(desk)

    retry(desk, limit=3)

    with desk.store.read() as c:
        (action,) = actions.of_batch(c, "b-1")
    assert (action.verb, action.detail) == ("retry", {"rows": 3})


def test_how_far_a_retry_came_that_was_stopped_is_in_the_history_too(desk: Desk) -> None:
    desk.batch()
    fail_all(desk)

    with pytest.raises(StopHere):
        retry(desk, on_progress=stop_at_four)

    with desk.store.read() as c:
        assert [action.detail for action in actions.of_batch(c, "b-1")] == [{"rows": 4}]
    retry(desk)
    retry(desk)
    with desk.store.read() as c:
        assert [action.detail["rows"] for action in actions.of_batch(c, "b-1")] == [4, 6]


def test_a_word_that_is_no_error_code_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"`poisen` is no error code\. Did you mean `poison`"):
        codes_of(["poisen"])


def test_what_a_stopped_cancel_left_does_not_run_by_a_retry_of_something_else(desk: Desk) -> None:
    desk.batch()
    (failed,) = desk.take(1)
    desk.record(outcome(failed, JobState.FAILED))
    with desk.store.write() as c:
        ending.cancel(c, "b-1", 2)

    assert retry(desk) == 1

    assert desk.ask("SELECT state, count(*) FROM jobs GROUP BY state ORDER BY state") == [
        ("cancelled", 9),
        ("pending", 1),
    ]
