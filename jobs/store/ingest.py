"""Rows of an input become jobs, a chunk at a time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from jobs import ids
from jobs.codes import ErrorCode
from jobs.errors import StoppedEarlyError
from jobs.model import NewJob
from jobs.states import BatchState, JobState
from jobs.store import dialect, reread
from jobs.store.counters import Deltas
from jobs.store.dialect import Insert, Sql

#: A new job and the id it gets.
_Numbered = tuple[str, NewJob]


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one chunk of rows."""

    #: Jobs the batch did not have, error records included.
    new: int
    #: Jobs of an earlier reading whose request is the same: they keep their answers.
    kept: int
    #: Jobs of an earlier reading whose request is another: they run again.
    changed: int
    #: Lines whose custom_id an earlier line of this reading has; recorded as errors.
    duplicates: tuple[int, ...]


class Place(NamedTuple):
    """Where the rows of a chunk go."""

    batch_id: str
    revision: int
    priority: int
    data_class: str


def add(c: Connection, batch_id: str, revision: int, jobs: Sequence[NewJob]) -> Added:
    """Store a chunk of rows, each as a job or as an error record at its line.

    `revision` is the batch's: with 1 the input is read for the first time, and nothing is
    looked up that an earlier reading could have left. Raises `StoppedEarlyError` when the batch
    was cancelled or deleted, or is read again by somebody else.
    """
    place = lock_ingesting(c, batch_id, revision)
    deltas = Deltas()
    again = reread.match(c, batch_id, revision, jobs, deltas) if revision > 1 else None
    rest = jobs if again is None else again.rest
    numbered = list(zip(ids.job_ids(len(rest)), rest, strict=True))
    usable = [(job_id, job) for job_id, job in numbered if job.error_code is None]
    faulty = [(job_id, job) for job_id, job in numbered if job.error_code is not None]

    duplicates = _insert_usable(c, place, usable)
    faulty += duplicates
    _insert_faulty(c, place, faulty)

    deltas.move(batch_id, None, JobState.PENDING, len(usable) - len(duplicates))
    deltas.move(batch_id, None, JobState.FAILED, len(faulty))
    deltas.write(c)
    return Added(
        new=len(rest),
        kept=0 if again is None else again.kept,
        changed=0 if again is None else again.changed,
        duplicates=tuple(job.line for _, job in duplicates),
    )


def no_longer_ingesting(batch_id: str) -> StoppedEarlyError:
    """The error for a batch that somebody took away from under its reader."""
    return StoppedEarlyError(
        f"Batch {batch_id} was cancelled, deleted or started again while its input was read. "
        "Give the same command again to go on with it."
    )


def lock_ingesting(c: Connection, batch_id: str, revision: int) -> Place:
    """Hold the batch to the end of the transaction, so that nobody cancels it meanwhile.

    Raises `StoppedEarlyError` as `add` does.
    """
    row = _LOCK(c, batch_id=batch_id).one_or_none()
    if row is None or row.state != BatchState.INGESTING or row.revision != revision:
        raise no_longer_ingesting(batch_id)
    return Place(batch_id, revision, row.priority, row.data_class)


def _insert_usable(c: Connection, place: Place, usable: list[_Numbered]) -> list[_Numbered]:
    """Insert what can run; give back as faulty what has a custom_id that is taken."""
    inserted = _INSERT_JOBS(c, _rows(place, usable, JobState.PENDING, 1))
    duplicates: list[_Numbered] = []
    if inserted < len(usable):
        present = set(_PRESENT(c, ids=[job_id for job_id, _ in usable]).scalars())
        duplicates = [
            (job_id, _as_duplicate(job)) for job_id, job in usable if job_id not in present
        ]
        usable = [(job_id, job) for job_id, job in usable if job_id in present]
    _INSERT_REQUESTS(c, [(job_id, job.hash, job.body, job.row) for job_id, job in usable])
    return duplicates


def _as_duplicate(job: NewJob) -> NewJob:
    code = ErrorCode.DUPLICATE_CUSTOM_ID
    return msgspec.structs.replace(
        job,
        body=None,
        hash="",
        error_code=code,
        error_message=f"{code.sentence} {code.way_out}",
    )


def _insert_faulty(c: Connection, place: Place, faulty: list[_Numbered]) -> None:
    """Insert lines that cannot run: at run 0, with the record that says why."""
    if not faulty:
        return
    now = dialect.now(c)
    _INSERT_JOBS(c, _rows(place, faulty, JobState.FAILED, 0))
    _INSERT_REQUESTS(c, [(job_id, job.hash, None, job.row) for job_id, job in faulty])
    _INSERT_RESULTS(c, [_fault(job_id, job, now) for job_id, job in faulty])


def _rows(
    place: Place, numbered: list[_Numbered], state: JobState, run: int
) -> list[tuple[Any, ...]]:
    batch_id, revision, priority, data_class = place
    word = state.value
    return [
        (
            job_id,
            batch_id,
            job.line,
            job.custom_id,
            job.kind,
            word,
            run,
            job.model,
            job.pool,
            priority,
            data_class,
            revision,
        )
        for job_id, job in numbered
    ]


def _fault(job_id: str, job: NewJob, now: float) -> tuple[Any, ...]:
    code = None if job.error_code is None else job.error_code.value
    return (job_id, 0, JobState.FAILED.value, job.model, code, job.error_message, now)


_LOCK = Sql(
    "SELECT j.state, j.revision, j.priority, j.data_class"
    " FROM batches AS j WHERE j.id = :batch_id {lock}"
)
_PRESENT = Sql("SELECT id FROM jobs WHERE id IN {ids}", ids="id")
_INSERT_JOBS = Insert(
    "jobs",
    "id text, batch_id text, line integer, custom_id text, kind text, state text, run integer,"
    " model text, pool text, priority integer, data_class text, revision integer",
    tail="ON CONFLICT (batch_id, custom_id) WHERE run > 0 DO NOTHING",
)
_INSERT_REQUESTS = Insert("requests", "job_id text, hash text, body text, row text")
_INSERT_RESULTS = Insert(
    "results",
    "job_id text, run integer, state text, model text, error_code text, error_message text,"
    " finished_at double precision",
)
