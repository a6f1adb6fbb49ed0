"""Editing a batch: everything is looked at first, then rows move page by page."""

import pytest

from backends.base import ModelInfo
from jobs.errors import NoModelError, UsageError
from jobs.settings import Settings
from jobs.store import actions
from jobs.store.editing import Changes
from jobs.store.store import Store
from nightmill import heirs
from nightmill.editing import Edit, Edited, edit_batch
from nightmill.pools import PoolModels
from tests.jobs.store.desk import Desk, line

FOUND = (
    PoolModels(
        pool="ollama",
        backend="ollama",
        models=tuple(ModelInfo(name=name, size=1, context=0) for name in ("demo", "qwen3:8b")),
    ),
    PoolModels(pool="mlx", backend="mlx", models=(ModelInfo(name="demo", size=1, context=0),)),
)


@pytest.fixture
def desk(store: Store, small_pages: None, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose transactions take two rows at most, in a world of two pools."""
    monkeypatch.setattr(heirs, "reachable_models", lambda *_: FOUND)
    return Desk(store)


def edit(desk: Desk, **what: object) -> Edited:
    return edit_batch(Settings(), desk.store, "b-1", Edit(**what))


def test_a_batch_moves_to_another_pool_with_its_model(desk: Desk) -> None:
    desk.batch()
    desk.take(1)

    done = edit(desk, pool="ollama")

    assert (done.moved, done.running, done.model, done.pool) == (9, 1, "demo", "ollama")
    assert desk.ask("SELECT count(*) FROM jobs WHERE pool = 'ollama'") == [(9,)]
    with desk.store.read() as c:
        (action,) = actions.of_batch(c, "b-1")
    assert (action.verb, action.detail) == ("edit", {"model": "demo", "on": "ollama"})


def test_a_model_moves_a_batch_to_where_it_is(desk: Desk) -> None:
    desk.batch()

    done = edit(desk, model="qwen3:8b", changes=Changes(priority=2))

    assert (done.moved, done.pool) == (10, "ollama")
    assert desk.ask("SELECT priority FROM batches") == [(2,)]


def test_nothing_changes_where_the_last_row_asks_for_what_the_model_cannot_do(desk: Desk) -> None:
    desk.batch(*(line(i) for i in range(1, 6)), line(6, body='{"endpoint":"embeddings"}'))

    with pytest.raises(UsageError, match="Rows ask for embeddings"):
        edit(desk, model="qwen3:8b", changes=Changes(priority=2))

    assert desk.ask("SELECT DISTINCT j.model, priority FROM jobs AS j") == [("demo", 0)]


@pytest.mark.parametrize(
    ("what", "fault", "why"),
    [
        ({}, UsageError, "Say what to change"),
        ({"pool": "cloud"}, UsageError, "No worker serves a pool cloud, and none is configured"),
        ({"pool": "mlx", "model": "qwen3:8b"}, NoModelError, "qwen3:8b"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    desk: Desk, what: dict[str, str], fault: type[Exception], why: str
) -> None:
    desk.batch()

    with pytest.raises(fault, match=why):
        edit(desk, **what)

    assert desk.ask("SELECT DISTINCT pool FROM jobs") == [("mlx",)]


def test_a_pool_alone_is_not_enough_where_rows_ask_for_several_models(desk: Desk) -> None:
    desk.batch(line(1), line(2, model="other"))

    with pytest.raises(UsageError, match="ask for 2 models: demo, other"):
        edit(desk, pool="ollama")


def test_a_batch_that_is_over_is_not_edited(desk: Desk) -> None:
    desk.batch()
    desk.cancel()

    with pytest.raises(UsageError, match="b-1 is cancelled"):
        edit(desk, changes=Changes(priority=1))
