"""What the store holds at one moment, and what may have become of it by the next."""

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from jobs.states import JOB_MOVES, JobState
from jobs.store import counters
from jobs.store.store import Store
from tests.chaos.model import UNFINISHED, Expected

#: The first custom_id of a row, and the batch that it is in.
Key = tuple[str, str]
_COUNTED = (*(state.value for state in JobState), "cut")


@dataclass(frozen=True)
class Books:
    """All jobs, records and counts."""

    jobs: Mapping[str, Any]
    records: Mapping[tuple[str, int], Any]
    counted: Mapping[str, Mapping[str, int]]

    @classmethod
    def read(cls, store: Store) -> "Books":
        with store.read() as c:
            jobs = c.exec_driver_sql("SELECT * FROM jobs ORDER BY batch_id, line, id").all()
            records = c.exec_driver_sql("SELECT * FROM results").all()
            counted = {
                batch_id: counters.counts(c, batch_id)
                for batch_id in dict.fromkeys(row.batch_id for row in jobs)
            }
        by_run = {(row.job_id, row.run): row for row in records}
        assert len(by_run) == len(records), "two records of one run"
        return cls(
            jobs={row.id: row for row in jobs},
            records=by_run,
            counted={
                batch_id: {field: getattr(counts, field) for field in _COUNTED}
                for batch_id, counts in counted.items()
            },
        )

    def runnable(self) -> dict[str, Any]:
        """The jobs that are no mere error records of their lines."""
        return {job_id: row for job_id, row in self.jobs.items() if row.run > 0}

    def having(self, *states: str) -> list[Any]:
        return [row for row in self.jobs.values() if row.state in states]

    def unfinished(self) -> list[Any]:
        return self.having(*UNFINISHED)

    def in_flight(self) -> list[Any]:
        return self.having("dispatched", "running")

    def held_by(self, session: str) -> list[Any]:
        return [row for row in self.jobs.values() if row.session == session]


def check(books: Books) -> None:
    """What is true of the books at any moment."""
    for job_id, row in books.runnable().items():
        for run in range(1, row.run):
            assert (job_id, run) in books.records, f"run {run} left no record"
        record = books.records.get((job_id, row.run))
        if row.state in UNFINISHED:
            assert record is None, f"{row.state} and has a record: {record}"
        else:
            assert record is not None, f"{row.state} without a record"
            assert record.state == row.state
        assert (row.session is not None) == (row.state == "running")
    for batch_id, counted in books.counted.items():
        assert counted == _recount(books, batch_id)


def check_accepted(books: Books, accepted: AbstractSet[Key], present: AbstractSet[Key]) -> None:
    """Each row that was ever accepted is one job; those of the newest reading are in the batch."""
    rows = list(books.runnable().values())
    assert sorted((row.batch_id, row.custom_id) for row in rows) == sorted(accepted)
    assert {(row.batch_id, row.custom_id) for row in rows if row.revision > 0} == present


def check_step(old: Books, new: Books, expected: Mapping[str, Expected]) -> None:
    """What one step may do: allowed moves, and nobody pays for anything but his own faults."""
    for job_id, was in old.runnable().items():
        now = new.jobs[job_id]
        assert now.epoch >= was.epoch
        if now.run == was.run:
            is_move = was.state in UNFINISHED and now.state in JOB_MOVES[JobState(was.state)]
            assert now.state == was.state or is_move, f"{was.state} became {now.state}"
            grown = Expected(now.errors - was.errors, now.crashes - was.crashes)
            assert grown == expected.get(job_id, Expected())
        else:
            assert (now.run, now.state) == (was.run + 1, "pending")
            assert now.run_epoch == was.epoch, "hints of the earlier run would count"
            assert (now.errors, now.crashes, now.suspect) == (0, 0, 0)
    for (job_id, run), record in old.records.items():
        # A line that could not be read is read anew with its input.
        if run > 0:
            assert new.records[job_id, run] == record, "a record was written twice"


def check_leases(books: Books, leased: AbstractSet[str], until: float) -> None:
    """What was claimed, or listed by a heartbeat, has a whole lease before it."""
    for job_id in leased:
        assert math.isclose(books.jobs[job_id].lease_until, until, abs_tol=0.01)


def check_poison(books: Books, max_crashes: int) -> None:
    """Who failed as poison was to blame that often."""
    for job_id, row in books.runnable().items():
        record = books.records.get((job_id, row.run))
        if record is not None and record.error_code == "poison":
            assert row.crashes >= max_crashes


def _recount(books: Books, batch_id: str) -> dict[str, int]:
    found = dict.fromkeys(_COUNTED, 0)
    for job_id, row in books.jobs.items():
        if row.batch_id == batch_id and row.revision > 0:
            record = books.records.get((job_id, row.run))
            found[row.state] += 1
            found["cut"] += record is not None and record.finish_reason == "length"
    return found
