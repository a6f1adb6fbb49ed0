"""Rows of an input become jobs, a chunk at a time."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from jobs import ids
from jobs.codes import ErrorCode
from jobs.model import NewJob
from jobs.states import JobState
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


def add(c: Connection, batch_id: str, revision: int, jobs: Sequence[NewJob]) -> Added:
    """Store a chunk of rows, each as a job or as an error record at its line.

    `revision` is the batch's: with 1 the input is read for the first time, and nothing is
    looked up that an earlier reading could have left.
    """
    deltas = Deltas()
    again = reread.match(c, batch_id, revision, jobs, deltas) if revision > 1 else None
    rest = jobs if again is None else again.rest
    numbered = list(zip(ids.job_ids(len(rest)), rest, strict=True))
    usable = [(job_id, job) for job_id, job in numbered if job.error_code is None]
    faulty = [(job_id, job) for job_id, job in numbered if job.error_code is not None]

    duplicates = _insert_usable(c, batch_id, revision, usable)
    _insert_faulty(c, batch_id, revision, faulty + duplicates)

    deltas.move(batch_id, None, JobState.PENDING, len(usable) - len(duplicates))
    deltas.move(batch_id, None, JobState.FAILED, len(faulty) + len(duplicates))
    deltas.write(c)
    return Added(
        new=len(rest),
        kept=0 if again is None else again.kept,
        changed=0 if again is None else again.changed,
        duplicates=tuple(job.line for _, job in duplicates),
    )


def _insert_usable(
    c: Connection, batch_id: str, revision: int, usable: list[_Numbered]
) -> list[_Numbered]:
    """Insert what can run; give back as faulty what has a custom_id that is taken."""
    priority, data_class = _BATCH(c, batch_id=batch_id).one()
    inserted = _INSERT_JOBS(
        c,
        [
            (
                job_id,
                batch_id,
                job.line,
                job.custom_id,
                job.kind,
                "pending",
                1,
                job.model,
                job.pool,
                priority,
                data_class,
                revision,
            )
            for job_id, job in usable
        ],
    )
    duplicates: list[_Numbered] = []
    if inserted < len(usable):
        present = set(_PRESENT(c, ids=[job_id for job_id, _ in usable]).scalars())
        duplicates = [pair for pair in usable if pair[0] not in present]
        usable = [pair for pair in usable if pair[0] in present]
    _INSERT_REQUESTS(c, [(job_id, job.hash, job.body, job.row) for job_id, job in usable])
    return [(job_id, _as_duplicate(job)) for job_id, job in duplicates]


def _as_duplicate(job: NewJob) -> NewJob:
    code = ErrorCode.DUPLICATE_CUSTOM_ID
    return msgspec.structs.replace(
        job, body=None, hash="", error_code=code, error_message=code.sentence
    )


def _insert_faulty(c: Connection, batch_id: str, revision: int, faulty: list[_Numbered]) -> None:
    """Insert lines that cannot run: at run 0, with the record that says why."""
    if not faulty:
        return
    priority, data_class = _BATCH(c, batch_id=batch_id).one()
    finished_at = dialect.now(c)
    _INSERT_JOBS(
        c,
        [
            (
                job_id,
                batch_id,
                job.line,
                job.custom_id,
                job.kind,
                "failed",
                0,
                job.model,
                job.pool,
                priority,
                data_class,
                revision,
            )
            for job_id, job in faulty
        ],
    )
    _INSERT_REQUESTS(c, [(job_id, job.hash, None, job.row) for job_id, job in faulty])
    _INSERT_RESULTS(
        c,
        [
            (job_id, 0, "failed", job.model, job.error_code, job.error_message, finished_at)
            for job_id, job in faulty
        ],
    )


_BATCH = Sql("SELECT priority, data_class FROM batches WHERE id = :batch_id")
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
