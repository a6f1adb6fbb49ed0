"""The judge sees each kind of broken promise, and none where there is none."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.oracle import Dump, violations

DEATH_AT = 50.0

TOLD: Sequence[dict[str, Any]] = (
    {"at": 1.0, "event": "accepted", "batch": "b", "ids": ["x", "y"]},
    {"at": DEATH_AT, "event": "died", "session": "dead", "held": ["x"], "engine": False},
)


def job(custom_id: str, **facts: Any) -> Any:
    base = {"id": f"j-{custom_id}", "batch_id": "b", "custom_id": custom_id, "pool": "fake"}
    return SimpleNamespace(**base | {"state": "succeeded", "run": 1, "crashes": 0} | facts)


def result(custom_id: str, **facts: Any) -> Any:
    base = {"job_id": f"j-{custom_id}", "run": 1, "state": "succeeded", "error_code": None}
    return SimpleNamespace(**base | {"text": f"row {custom_id}", "finished_at": 90.0} | facts)


def attempt(custom_id: str, number: int = 1, **facts: Any) -> Any:
    base = {"job_id": f"j-{custom_id}", "run": 1, "attempt": number, "session": "living"}
    times = {"started_at": 60.0, "ended_at": 90.0}
    return SimpleNamespace(**base | times | {"outcome": "succeeded", "output_tokens": 2} | facts)


def lost(custom_id: str, number: int = 2) -> Any:
    """An attempt that was under way when the session died."""
    return attempt(
        custom_id, number, session="dead", started_at=40.0, ended_at=55.0, outcome="lost"
    )


GOOD = Dump(
    jobs=[job("x"), job("y")],
    results=[result("x"), result("y")],
    attempts=[attempt("x"), attempt("y")],
)


def kinds(dump: Dump, told: Sequence[dict[str, Any]] = TOLD) -> list[str]:
    return [violation.kind for violation in violations(told, dump)]


def test_all_is_well() -> None:
    assert kinds(GOOD) == []


@pytest.mark.parametrize(
    ("dump", "kind"),
    [
        (replace(GOOD, jobs=[job("x")]), "lost"),
        (replace(GOOD, jobs=[job("x"), job("y", state="running")]), "lost"),
        (replace(GOOD, results=[result("x")]), "lost"),
        (replace(GOOD, jobs=[*GOOD.jobs, job("z", id="j-x")]), "unasked"),
        (replace(GOOD, jobs=[*GOOD.jobs, job("y", id="j-x")]), "twice"),
        (replace(GOOD, attempts=[*GOOD.attempts, attempt("x", 2)]), "twice"),
        (
            replace(
                GOOD, attempts=[*GOOD.attempts, attempt("x", 2, outcome="late", started_at=91)]
            ),
            "again",
        ),
        (
            replace(GOOD, attempts=[*GOOD.attempts, attempt("x", 2, outcome="late", ended_at=80)]),
            "refused",
        ),
        (replace(GOOD, results=[result("x"), result("y", text="row x")]), "wrong"),
        (
            replace(GOOD, results=[result("x"), result("y", state="failed", error_code="timeout")]),
            "failed",
        ),
        (replace(GOOD, results=[result("x"), result("y", state="cancelled")]), "failed"),
    ],
)
def test_it_sees_what(dump: Dump, kind: str) -> None:
    assert kind in kinds(dump)


def test_an_answer_may_be_refused_after_the_record() -> None:
    late = attempt("x", 2, outcome="late", ended_at=95)

    assert kinds(replace(GOOD, attempts=[*GOOD.attempts, late])) == []


def test_a_batch_that_was_cancelled_has_cancelled_rows() -> None:
    told = [*TOLD, {"at": 2.0, "event": "cancelled", "batch": "b"}]

    assert kinds(replace(GOOD, results=[result("x"), result("y", state="cancelled")]), told) == []


def test_a_job_is_charged_with_a_death_that_it_was_alone_in() -> None:
    jobs, attempts = [job("x", crashes=1), job("y")], [*GOOD.attempts, lost("x")]

    assert kinds(replace(GOOD, jobs=jobs, attempts=attempts)) == []


def test_a_job_is_not_charged_with_a_death_in_which_it_had_a_neighbour() -> None:
    jobs, attempts = [job("x", crashes=1), job("y")], [*GOOD.attempts, lost("x"), lost("y")]

    assert kinds(replace(GOOD, jobs=jobs, attempts=attempts)) == ["charged"]


def test_a_neighbour_that_only_the_engine_knows_of_is_one() -> None:
    jobs, attempts = [job("x", crashes=1), job("y")], [*GOOD.attempts, lost("x")]
    told = [TOLD[0], {**TOLD[1], "held": ["x", "y"]}]

    assert kinds(replace(GOOD, jobs=jobs, attempts=attempts), told) == ["charged"]


@pytest.mark.parametrize(
    ("held", "found"), [(["x"], []), (["y"], ["charged"]), (["x", "y"], ["charged"])]
)
def test_of_an_engine_only_what_it_held_itself_was_in_it(held: list[str], found: list[str]) -> None:
    told = [TOLD[0], {**TOLD[1], "held": held, "engine": True}]
    jobs, attempts = [job("x", crashes=1), job("y")], [*GOOD.attempts, lost("x"), lost("y")]

    assert kinds(replace(GOOD, jobs=jobs, attempts=attempts), told) == found


def test_a_job_is_no_poison_after_one_death_alone() -> None:
    jobs = [job("x", crashes=1, state="failed"), job("y")]
    results = [result("x", state="failed", error_code="poison"), result("y")]

    found = kinds(Dump(jobs=jobs, results=results, attempts=[*GOOD.attempts, lost("x")]))

    assert found == ["poisoned"]
