"""Failed rows are given to another model, and the command that brought them in does not mind."""

import json

import pytest

from jobs.errors import UsageError
from jobs.model import NewJob
from jobs.states import JobState
from jobs.store.rewriting import Heir, Rewrite
from tests.jobs.store.desk import Desk, bad_line, line, outcome

BODY = '{"model":"demo","messages":[{"role":"user","content":"caf\u00e9 \\u2028"}],"max_tokens":7}'


def retry_with(desk: Desk, model: str, pool: str = "mlx") -> int:
    return desk.retry(rewrite=Rewrite(heir=Heir(model=model, pool=pool, endpoints=("chat",))))


def rows(number: int) -> list[NewJob]:
    return [line(i, body=BODY) for i in range(1, number + 1)]


def fail(desk: Desk, *numbers: int) -> None:
    """The jobs of these lines fail, the others are answered."""
    lines = dict(desk.ask("SELECT id, line FROM jobs"))
    for job in desk.take():
        state = JobState.FAILED if lines[job.job_id] in numbers else JobState.SUCCEEDED
        desk.record(outcome(job, state))
    desk.finalize()


def test_only_failed_rows_are_given_to_the_other_model(desk: Desk) -> None:
    desk.batch(*rows(3), bad_line(4))
    fail(desk, 2)

    assert retry_with(desk, "larger", pool="ollama") == 1

    assert desk.ask("SELECT line, model, pool FROM jobs WHERE run > 0 ORDER BY line") == [
        (1, "demo", "mlx"),
        (2, "larger", "ollama"),
        (3, "demo", "mlx"),
    ]
    (hint,) = desk.dispatch(pool="ollama")
    (job,) = desk.claim([hint])
    assert json.loads(job.body) == json.loads(BODY) | {"model": "larger"}
    assert job.run == 2


def test_the_same_input_again_keeps_the_answer_of_the_other_model(desk: Desk) -> None:
    desk.batch(*rows(2))
    fail(desk, 2)
    retry_with(desk, "larger")
    fail(desk)

    added = desk.reread(*rows(2))

    assert (added.kept, added.changed, added.new) == (2, 0, 0)
    assert desk.states() == {1: "succeeded", 2: "succeeded"}


def test_a_row_that_changed_meanwhile_runs_as_its_line_says(desk: Desk) -> None:
    desk.batch(*rows(2))
    fail(desk, 2)
    retry_with(desk, "larger")
    fail(desk)

    added = desk.reread(rows(1)[0], line(2, body='{"model":"demo","messages":[]}'))

    assert (added.kept, added.changed) == (1, 1)
    (job,) = desk.take()
    assert json.loads(job.body)["model"] == "demo"


def test_while_it_waits_for_the_other_model_the_same_input_changes_nothing(desk: Desk) -> None:
    desk.batch(*rows(2))
    fail(desk, 1, 2)
    retry_with(desk, "larger")

    desk.reread(*rows(2))

    assert [json.loads(job.body)["model"] for job in desk.take()] == ["larger"] * 2


def test_the_old_record_stays(desk: Desk) -> None:
    desk.batch(*rows(1))
    fail(desk, 1)
    retry_with(desk, "larger")
    fail(desk)

    assert desk.ask("SELECT run, state FROM results ORDER BY run") == [
        (1, "failed"),
        (2, "succeeded"),
    ]
    assert desk.counted() == desk.recount()


def test_a_model_that_cannot_do_what_a_row_asks_for_is_refused_and_nothing_changes(
    desk: Desk,
) -> None:
    desk.batch(line(1, body=BODY), line(2, body='{"model":"demo","endpoint":"embeddings"}'))
    fail(desk, 1, 2)

    with pytest.raises(UsageError, match="Rows ask for embeddings, and larger does chat only"):
        retry_with(desk, "larger")

    assert desk.ask("SELECT DISTINCT model FROM jobs") == [("demo",)]


def test_rows_that_were_cut_get_more_room_and_keep_their_model(desk: Desk) -> None:
    desk.batch(*rows(2))
    fail(desk, 1)

    assert desk.retry(rewrite=Rewrite(max_tokens=4000)) == 1

    (job,) = desk.take()
    assert json.loads(job.body) == json.loads(BODY) | {"max_tokens": 4000}
