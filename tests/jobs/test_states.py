import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.states import (
    BATCH_MOVES,
    BATCH_OVER,
    JOB_MOVES,
    TERMINAL,
    UNFINISHED,
    UNSUCCESSFUL,
    BatchState,
    JobState,
    number_in,
)

PAGE = Path(__file__).parents[2] / "docs" / "states.md"
EDGE = "[*]"


def drawn(heading: str) -> list[tuple[str, str]]:
    """The arrows of the drawing under a heading of the page."""
    section = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (drawing,) = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", section, re.DOTALL)
    arrows = (line.strip().split(" --> ") for line in drawing.splitlines())
    return [(start, end) for start, end in arrows]


def in_code(table: Mapping[Any, Any], first: str, over: frozenset[str]) -> set[object]:
    moves = {(start, end) for start, ends in table.items() for end in ends}
    return {(EDGE, first), *moves, *((state, EDGE) for state in over)}


def test_the_drawing_of_a_job_is_the_table_in_code() -> None:
    arrows = drawn("A job")
    assert len(arrows) == len(set(arrows))
    assert set(arrows) == in_code(JOB_MOVES, JobState.PENDING, TERMINAL)


def test_the_drawing_of_a_batch_is_the_table_in_code() -> None:
    arrows = drawn("A batch")
    assert len(arrows) == len(set(arrows))
    assert set(arrows) == in_code(BATCH_MOVES, BatchState.INGESTING, BATCH_OVER)


def test_every_state_is_explained_beside_the_drawing() -> None:
    text = PAGE.read_text("utf-8")
    explained = re.findall(r"^- ((?:`\w+`(?:, )?)+):", text, re.MULTILINE)
    names = [name for line in explained for name in re.findall(r"\w+", line)]
    assert sorted(names) == sorted([*JobState, *BatchState])


def test_the_tables_have_every_state() -> None:
    assert JOB_MOVES.keys() == set(JobState)
    assert BATCH_MOVES.keys() == set(BatchState)


def test_a_finished_run_can_only_be_followed_by_the_next() -> None:
    for state in TERMINAL:
        assert JOB_MOVES[state] <= {JobState.PENDING}


def test_a_success_is_never_generated_again() -> None:
    assert JOB_MOVES[JobState.SUCCEEDED] == frozenset()


def test_an_unfinished_job_can_always_be_answered_cancelled_or_expire() -> None:
    for state in UNFINISHED:
        assert {JobState.SUCCEEDED, JobState.CANCELLED, JobState.EXPIRED} <= JOB_MOVES[state]


def test_only_a_job_that_ran_can_fail() -> None:
    may_fail = {state for state, ends in JOB_MOVES.items() if JobState.FAILED in ends}
    assert may_fail == {JobState.RUNNING}


def test_states_know_whether_they_are_the_end() -> None:
    assert {state for state in JobState if state.is_terminal} == TERMINAL
    assert {state for state in BatchState if state.is_over} == BATCH_OVER
    assert TERMINAL.isdisjoint(UNFINISHED)
    assert {state for state in TERMINAL if state not in UNSUCCESSFUL} == {JobState.SUCCEEDED}


def test_jobs_are_added_up_by_their_states() -> None:
    counts = {state: 10**place for place, state in enumerate(JobState)}
    assert number_in(TERMINAL, counts) + number_in(UNFINISHED, counts) == sum(counts.values())
    assert number_in(UNSUCCESSFUL, counts) == sum(
        counts[state] for state in (JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED)
    )
