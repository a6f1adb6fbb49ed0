"""Whether asking for a batch's status takes longer when the batch is a thousand times larger."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, event

from jobs.store.store import Store
from nightmill.bench.filled import fill
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import workplace
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.runner import alternate
from nightmill.bench.stores import NewStore, chosen, kind_of, store_maker
from nightmill.looking import look

JOBS = 1_000_000
FEW_JOBS = 1_000
HOLD = 0.5
#: Statuses asked for in one measurement.
ASKED = 200
MANY, FEW = "many jobs", "few jobs"


def run_status(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure a batch of a million jobs against one of a thousand, on each kind of store."""
    with workplace(options.folder) as folder:
        parts = [_on_store(store, folder, options, on_progress) for store in chosen(options.stores)]
    return combined(parts)


def _on_store(
    store: str, folder: Path, options: BenchOptions, on_progress: OnProgress
) -> BenchResult:
    name, jobs = f"status on {kind_of(store)}", options.size or JOBS
    with (
        store_maker(store, folder) as new_store,
        _filled(new_store, jobs) as (many, many_id),
        _filled(new_store, FEW_JOBS) as (few, few_id),
    ):
        sides = {
            MANY: lambda: _statuses_per_s(many, many_id),
            FEW: lambda: _statuses_per_s(few, few_id),
        }
        rounds = alternate(name, sides, options.runs, on_progress)
        scans = scans_of_jobs(many, many_id)
    result = judge(
        name,
        [Run(ours=figures[MANY], peer=figures[FEW]) for figures in rounds],
        HOLD,
        unit="statuses/s",
        peer=f"the same for {FEW_JOBS:,} jobs",
        scans_of_jobs=scans,
        jobs=jobs,
    )
    return msgspec.structs.replace(result, ok=result.ok and not scans)


@contextmanager
def _filled(new_store: NewStore, jobs: int) -> Iterator[tuple[Store, str]]:
    with new_store() as url:
        store = Store.open(url)
        try:
            yield store, fill(store, jobs)
        finally:
            store.close()


def _statuses_per_s(store: Store, batch_id: str) -> float:
    began = time.perf_counter()
    for _ in range(ASKED):
        look(store, batch_id)
    return ASKED / (time.perf_counter() - began)


def scans_of_jobs(store: Store, batch_id: str) -> list[str]:
    """The steps by which a status would read the whole table of jobs; none, if all is well."""
    with _noting_statements() as statements:
        look(store, batch_id)
    with store.read() as c:
        return [
            step
            for statement, values in statements
            if re.search(r"\bjobs\b", statement)
            for step in _plan(c, statement, values)
            # The index of what is dispatched or running holds no more than the windows do.
            if re.search(r"SCAN (jobs|j)\b(?!.*jobs_in_flight)|Seq Scan on jobs\b", step)
        ]


@contextmanager
def _noting_statements() -> Iterator[list[tuple[str, Any]]]:
    """Every statement that this process sends to any store, with its values."""
    noted: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: object, statement: str, values: Any, *_: object) -> None:
        noted.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _plan(c: Connection, statement: str, values: Any) -> list[str]:
    explain = "EXPLAIN QUERY PLAN" if c.dialect.name == "sqlite" else "EXPLAIN"
    return [str(row[-1]) for row in c.exec_driver_sql(f"{explain} {statement}", values)]
