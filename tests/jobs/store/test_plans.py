"""What is asked often finds its rows through an index, however many jobs there are."""

import re

import pytest
from sqlalchemy import text

from jobs.store import (
    batches,
    counters,
    deleting,
    dispatch,
    failures,
    ingest,
    pauses,
    recording,
    recovery,
    reread,
    rereading,
    results,
    resuming,
    rewriting,
    running,
    samples,
    standings,
    terminal,
)
from jobs.store.dialect import SQLITE, Sql
from tests.jobs.store.desk import Desk

OFTEN = {
    f"{module.__name__.rpartition('.')[2]}{name}": statement
    for module in (
        batches,
        counters,
        deleting,
        dispatch,
        failures,
        ingest,
        pauses,
        recording,
        recovery,
        reread,
        rereading,
        results,
        resuming,
        rewriting,
        running,
        samples,
        standings,
        terminal,
    )
    for name, statement in vars(module).items()
    if isinstance(statement, Sql)
}

#: Looks through all jobs of a batch, once in its life or when somebody asks for it.
ONCE = {
    "batches_WHO_RAN",
    "batches_WHO_TRIED",
    "batches_DELETE_JOBS",
    "deleting_HAS_JOBS",
    "failures_CUT_SHORT",
    "deleting_PAGE",
    "results_HAS_ROWS",
}


def plan(desk: Desk, statement: Sql) -> list[str]:
    sql = statement._for(SQLITE)
    values = {name: "[]" if name in statement._lists else 0 for name in re.findall(r":(\w+)", sql)}
    with desk.store.write() as c:
        return [row[3] for row in c.execute(text(f"EXPLAIN QUERY PLAN {sql}"), values)]


def plans_with(desk: Desk, step: re.Pattern[str]) -> dict[str, list[str]]:
    """The plans of the statements that have such a step."""
    plans = {name: plan(desk, statement) for name, statement in OFTEN.items()}
    return {name: steps for name, steps in plans.items() if any(map(step.match, steps))}


def test_no_statement_scans_the_large_tables(sqlite_desk: Desk) -> None:
    large = re.compile(r"SCAN (j|jobs|q|requests|r|results|attempts)\b(?!.*jobs_in_flight)")
    assert plans_with(sqlite_desk, large) == {}


def test_no_statement_scans_the_samples(sqlite_desk: Desk) -> None:
    assert plans_with(sqlite_desk, re.compile(r"SCAN (s|a|b|samples)\b")) == {}


def test_no_statement_asked_often_reads_all_jobs_of_a_batch(sqlite_desk: Desk) -> None:
    whole_batch = re.compile(r".* jobs_line \(batch_id=\?\)$")
    assert set(plans_with(sqlite_desk, whole_batch)) == ONCE


def test_the_counts_do_not_read_the_jobs(sqlite_desk: Desk) -> None:
    (step,) = plan(sqlite_desk, counters._COUNTS)
    assert step == "SEARCH counters USING INDEX ix_counters_batch_id (batch_id=?)"


@pytest.mark.parametrize(
    "statement",
    [
        *(batches._MODELS, batches._POOLS),
        *(dispatch._DISPATCH, standings._OPEN, dispatch._DONE, terminal._PENDING),
    ],
)
def test_what_waits_is_found_among_what_waits(sqlite_desk: Desk, statement: Sql) -> None:
    assert any("USING INDEX jobs_pending" in step for step in plan(sqlite_desk, statement))


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
def test_postgres_finds_what_is_in_flight_through_its_small_index(desk: Desk) -> None:
    with desk.store.read() as c:
        c.execute(text("SET LOCAL enable_seqscan = off"))
        steps = c.execute(text("EXPLAIN " + dispatch._BUSY._for("postgresql"))).scalars().all()
    assert any("jobs_in_flight" in step for step in steps)
