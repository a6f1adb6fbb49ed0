"""Batches: made, found, read again, tried again, cancelled and deleted."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row

from jobs.errors import StoppedEarlyError, UsageError
from jobs.model import Batch, Counts, InputFile, NewBatch
from jobs.states import BatchState
from jobs.store import actions, counters, notices, pauses
from jobs.store.dialect import Sql
from jobs.store.ingest import no_longer_ingesting
from jobs.store.notices import Event


class Place(NamedTuple):
    """Who is to do a batch."""

    model: str
    pool: str


#: Ids that a message names at most.
MOST_NAMED = 5
#: Unfinished jobs that tell for all of them.
MOST_LOOKED_AT = 20
#: Batches that ended before their jobs.
CUT_SHORT = frozenset({BatchState.CANCELLED, BatchState.EXPIRED})


def create(c: Connection, batch_id: str, new: NewBatch) -> Batch:
    """Make a batch that is about to be read in, at revision 1.

    Raises `StoppedEarlyError` when somebody else has just made one with the same `run_key`.
    """
    values = msgspec.structs.asdict(new)
    options = msgspec.json.encode(values.pop("options"), order="deterministic").decode()
    files = _as_json(values.pop("files"))
    values["notify"] = int(new.notify)
    row = _CREATE(c, batch_id=batch_id, options=options, files=files, **values).one_or_none()
    if row is None:
        raise StoppedEarlyError(
            f"The same run of {new.source} was started elsewhere at this moment. "
            "Give the same command again to join it."
        )
    return _batch(row)


def find(c: Connection, run_key: str) -> Batch | None:
    """The batch that a command with this key made before."""
    row = _FIND(c, run_key=run_key).one_or_none()
    return None if row is None else _batch(row)


def get(c: Connection, word: str) -> Batch:
    """The one batch of this name or whose id begins like this; `UsageError` if none or more."""
    rows = _GET(c, word=word, size=len(word), limit=MOST_NAMED + 1).all()
    if not rows or not word:
        raise unknown(word)
    if len(rows) > 1:
        ids = [row.id for row in rows[:MOST_NAMED]]
        more = " and more" if len(rows) > MOST_NAMED else ""
        raise UsageError(
            f"More than one batch answers to `{word}`: {', '.join(ids)}{more}. Give as much of an"
            " id as only one of them has; `nightmill batches` lists them."
        )
    return _batch(rows[0])


def refuse_taken(c: Connection, name: str, batch_id: str = "") -> None:
    """Raise `UsageError` where a batch, other than the one with this id, answers to a name."""
    taken = _GET(c, word=name, size=len(name), limit=2)
    other = next((row.id for row in taken if row.id != batch_id), None)
    if other is not None:
        raise UsageError(
            f"The batch {other} answers to the name `{name}` already. Choose another name, or"
            f" remove that batch with `nightmill delete {other}`."
        )


def rename(c: Connection, batch_id: str, name: str) -> None:
    """Give a batch another name. Raises `UsageError` where another one answers to it."""
    refuse_taken(c, name, batch_id)
    _RENAME(c, batch_id=batch_id, name=name)


def newest(c: Connection, limit: int) -> list[Batch]:
    """The batches made last, newest first."""
    return [_batch(row) for row in _NEWEST(c, limit=limit)]


def all_ids(c: Connection) -> list[str]:
    """The ids of all batches, in their order."""
    return list(_ALL_IDS(c).scalars())


def open_places(c: Connection) -> dict[str, Place]:
    """The batches that are open, the oldest first, and who is to do each."""
    return {row.id: Place(row.model, row.pool) for row in _OPEN_PLACES(c)}


def handed_out(c: Connection) -> list[Batch]:
    """The open batches that are not paused, the oldest first."""
    return [_batch(row) for row in _HANDED_OUT(c)]


def counts(c: Connection, batch_id: str) -> Counts:
    """How many jobs are in each state; the time this takes does not grow with their number."""
    return counters.counts(c, batch_id)


def failures(c: Connection, batch_id: str) -> list[tuple[str, int, int, str]]:
    """The failed jobs grouped by error code, most frequent first: code, number, first line, and
    the message of one of them. Reads failed jobs only.
    """
    return [tuple(row) for row in _FAILURES(c, batch_id=batch_id)]


def who_tried(c: Connection, batch_id: str) -> list[str]:
    """The hosts that were given prompts of a batch. Reads all attempts: for summaries only."""
    return list(_WHO_TRIED(c, batch_id=batch_id).scalars())


def who_ran(c: Connection, batch_id: str) -> list[tuple[str, str, int]]:
    """Host, model and number of the jobs that succeeded. Reads all jobs: for summaries only."""
    return [tuple(row) for row in _WHO_RAN(c, batch_id=batch_id)]


def pools_of_unfinished(c: Connection, batch_id: str) -> tuple[str, ...]:
    """The pools that unfinished jobs wait for or run in; takes as long for many jobs as for few."""
    return tuple(sorted(_POOLS(c, batch_id=batch_id).scalars()))


def models_of_unfinished(c: Connection, batch_id: str) -> tuple[str, ...]:
    """The models that unfinished jobs ask for, as far as `MOST_LOOKED_AT` of those in flight, and
    as many of the first and of the last that wait, show them.
    """
    return tuple(sorted(_MODELS(c, batch_id=batch_id, limit=MOST_LOOKED_AT).scalars()))


def lock(c: Connection, batch_id: str) -> BatchState:
    """Hold a batch to the end of the transaction; its state. `UsageError` where it is gone."""
    row = _LOCK(c, batch_id=batch_id).one_or_none()
    if row is None or row.state == BatchState.DELETING:
        raise unknown(batch_id)
    return BatchState(row.state)


def reopen_ingest(c: Connection, batch_id: str, files: Sequence[InputFile] = ()) -> Batch:
    """The input is about to be read again from these files: the batch gets its next revision."""
    lock(c, batch_id)
    return _batch(_REOPEN(c, batch_id=batch_id, files=_as_json(files)).one())


def finish_ingest(
    c: Connection, batch_id: str, source_hash: str, files: Sequence[InputFile] = ()
) -> Batch:
    """The whole input has been read; `files` say by now where each of them begins.

    What earlier readings left has been brought up to this one before, as `rereading` does. Raises
    `StoppedEarlyError` when the batch was cancelled or deleted meanwhile.
    """
    row = _LOCK(c, batch_id=batch_id).one_or_none()
    if row is None or row.state != BatchState.INGESTING:
        raise no_longer_ingesting(batch_id)
    # One delta a chunk was left behind: nobody who asks should have to add them up.
    counters.fold(c)
    unfinished = counts(c, batch_id).unfinished
    state = BatchState.OPEN if unfinished else BatchState.COMPLETED
    if state is BatchState.COMPLETED and row.revision > 1:
        # Its last row ended while its input was read again: nobody else completes it.
        notices.note(c, [batch_id], Event.COMPLETED)
    read = {"source_hash": source_hash, "files": _as_json(files)}
    return _batch(_FINISH(c, batch_id=batch_id, state=state.value, **read).one())


def reopen(c: Connection, batch_id: str, *, lift_pause: bool) -> None:
    """Jobs of a batch wait again: it is open, unless its input is being read."""
    if lift_pause:
        pauses.go_on(c, batch_id)
    _OPEN(c, batch_id=batch_id)


def want_notices(c: Connection, batch_id: str) -> None:
    """Its owner wants to be told how a batch ends, or that it is paused."""
    _WANT_NOTICES(c, batch_id=batch_id)


def note_delivery(c: Connection, batch_id: str) -> None:
    """The results of a batch have been written to its output; counts if the batch is over."""
    _NOTE_DELIVERY(c, batch_id=batch_id)


def is_delivered(c: Connection, batch_id: str) -> bool:
    """Whether the results have been written to the output since the batch ended."""
    return bool(_IS_DELIVERED(c, batch_id=batch_id).scalar())


def delete(c: Connection, batch_id: str) -> None:
    """Remove a batch and everything of it. What still runs is dropped when it reports."""
    lock(c, batch_id)
    for statement in _DELETE_OF_JOBS:
        statement(c, batch_id=batch_id)
    _DELETE_JOBS(c, batch_id=batch_id)
    counters.clear(c, batch_id)
    actions.forget(c, batch_id)
    notices.forget(c, batch_id)
    _DELETE(c, batch_id=batch_id)


def unknown(batch_id: str) -> UsageError:
    """The error for a batch that is not there."""
    return UsageError(f"There is no batch `{batch_id}`. See `nightmill batches`.")


def _batch(row: Row[*tuple[Any, ...]]) -> Batch:
    values = row._asdict()
    values["into"] = values.pop("into_field")
    values["options"] = msgspec.json.decode(values["options"])
    values["files"] = msgspec.json.decode(values["files"])
    values["notify"] = bool(values["notify"])
    return msgspec.convert(values, Batch)


def _as_json(files: Sequence[InputFile]) -> str:
    return msgspec.json.encode(files).decode()


_PARTS = {
    # One that has passed holds no longer for what is opened again after it.
    "deadline_ahead": "deadline = CASE WHEN deadline > {now} THEN deadline END",
    "columns": "id, name, state, run_key, source, source_hash, output, into_field, options, model,"
    " pool, revision, priority, data_class, created_at, finished_at, jobs_per_s, tokens_per_s,"
    " paused_reason, paused_until, paused_by, max_failures, max_running, deadline, notify, files",
}
_CREATE = Sql(
    """
INSERT INTO batches (id, name, state, run_key, source, output, into_field, options, model, pool,
    revision, priority, data_class, created_at, max_failures, max_running, deadline, notify, files)
VALUES (:batch_id, :name, 'ingesting', :run_key, :source, :output, :into, :options, :model, :pool,
    1, :priority, :data_class, {now}, :max_failures, :max_running,
    {now} + CAST(:deadline_in_s AS DOUBLE PRECISION), :notify, :files)
ON CONFLICT (run_key) DO NOTHING
RETURNING {columns}
""",
    _PARTS,
)
_FIND = Sql("SELECT {columns} FROM batches WHERE run_key = :run_key", _PARTS)
_GET = Sql(
    "SELECT {columns} FROM batches WHERE state <> 'deleting'"
    " AND (substr(id, 1, :size) = :word OR name = :word)"
    " ORDER BY created_at DESC, id DESC LIMIT :limit",
    _PARTS,
)
_RENAME = Sql("UPDATE batches SET name = :name WHERE id = :batch_id")
_NEWEST = Sql(
    "SELECT {columns} FROM batches WHERE state <> 'deleting'"
    " ORDER BY created_at DESC, id DESC LIMIT :limit",
    _PARTS,
)
_ALL_IDS = Sql("SELECT id FROM batches WHERE state <> 'deleting' ORDER BY id")
_OPEN_PLACES = Sql(
    "SELECT id, model, pool FROM batches WHERE state = 'open' ORDER BY created_at, id"
)
_HANDED_OUT = Sql(
    "SELECT {columns} FROM batches WHERE state = 'open' AND paused_reason IS NULL"
    " ORDER BY created_at, id",
    _PARTS,
)
_LOCK = Sql("SELECT j.state, j.revision FROM batches AS j WHERE j.id = :batch_id {lock}")
_REOPEN = Sql(
    """
UPDATE batches SET revision = revision + 1, state = 'ingesting', finished_at = NULL,
    paused_reason = NULL, paused_by = '', paused_until = NULL, files = :files, {deadline_ahead}
WHERE id = :batch_id RETURNING {columns}
""",
    _PARTS,
)
_FINISH = Sql(
    """
UPDATE batches SET source_hash = :source_hash, state = :state, files = :files,
    finished_at = CASE WHEN :state = 'completed' THEN {now} END
WHERE id = :batch_id RETURNING {columns}
""",
    _PARTS,
)
_OPEN = Sql(
    "UPDATE batches SET state = 'open', finished_at = NULL, {deadline_ahead}"
    " WHERE id = :batch_id AND state <> 'ingesting'",
    _PARTS,
)
_WANT_NOTICES = Sql("UPDATE batches SET notify = 1 WHERE id = :batch_id")
_NOTE_DELIVERY = Sql(
    "UPDATE batches SET delivered_at = {now} WHERE id = :batch_id AND finished_at IS NOT NULL"
)
_IS_DELIVERED = Sql(
    "SELECT count(*) FROM batches WHERE id = :batch_id AND delivered_at >= finished_at"
)
_OF_BATCH = {"of_batch": "job_id IN (SELECT id FROM jobs WHERE batch_id = :batch_id)"}
_DELETE_OF_JOBS = (
    Sql("DELETE FROM requests WHERE {of_batch}", _OF_BATCH),
    Sql("DELETE FROM results WHERE {of_batch}", _OF_BATCH),
    Sql("DELETE FROM attempts WHERE {of_batch}", _OF_BATCH),
)
_DELETE_JOBS = Sql("DELETE FROM jobs WHERE batch_id = :batch_id")
_DELETE = Sql("DELETE FROM batches WHERE id = :batch_id")
_FAILURES = Sql("""
SELECT r.error_code, count(*), min(j.line), coalesce(min(r.error_message), '')
FROM jobs AS j JOIN results AS r ON r.job_id = j.id AND r.run = j.run
WHERE j.batch_id = :batch_id AND j.state = 'failed' AND j.revision > 0
GROUP BY r.error_code ORDER BY count(*) DESC, min(j.line)
""")
# From one pool to the next by the index of what is pending.
_POOLS = Sql("""
WITH RECURSIVE waiting (pool) AS (
    SELECT min(j.pool) FROM jobs AS j WHERE j.batch_id = :batch_id AND j.state = 'pending'
    UNION ALL
    SELECT (
        SELECT min(j.pool) FROM jobs AS j
        WHERE j.batch_id = :batch_id AND j.state = 'pending' AND j.pool > w.pool
    )
    FROM waiting AS w WHERE w.pool IS NOT NULL
)
SELECT pool FROM waiting WHERE pool IS NOT NULL
UNION
SELECT j.pool FROM {jobs_in_flight} WHERE {in_flight} AND {batch} = :batch_id
""")
# Along the index of what is pending, whose ends are those of the pools and of the lines.
_MODELS = Sql(
    """
SELECT model FROM (
    SELECT j.model {pending} ORDER BY j.pool, j.suspect, j.line LIMIT :limit
) AS first
UNION
SELECT model FROM (
    SELECT j.model {pending} ORDER BY j.pool DESC, j.suspect DESC, j.line DESC LIMIT :limit
) AS last
UNION
SELECT model FROM (
    SELECT j.model FROM {jobs_in_flight} WHERE {in_flight} AND {batch} = :batch_id LIMIT :limit
) AS held
""",
    {"pending": "FROM jobs AS j WHERE j.batch_id = :batch_id AND j.state = 'pending'"},
)
_WHO_TRIED = Sql("""
SELECT DISTINCT a.host FROM jobs AS j JOIN attempts AS a ON a.job_id = j.id
WHERE j.batch_id = :batch_id ORDER BY a.host
""")
_WHO_RAN = Sql("""
SELECT host, model, count(*) FROM jobs
WHERE batch_id = :batch_id AND state = 'succeeded' AND revision > 0
GROUP BY host, model ORDER BY count(*) DESC, host, model
""")
