"""A batch goes for good: hidden at once, emptied page by page, so that others get to write.

Each verb is one transaction of its caller's. What was spent on the batch stays in the ledger: it
names no prompt, and a budget counts it.
"""

from sqlalchemy import Connection

from jobs.errors import UsageError
from jobs.states import BatchState
from jobs.store import actions, batches, counters, notices
from jobs.store.dialect import Sql


def find(c: Connection, word: str) -> str:
    """The id of the one batch of this name or whose id begins like this.

    Other than for `batches.get`, one whose deletion was stopped half-way is there too.
    """
    ids: list[str] = list(_FIND(c, word=word, size=len(word)).scalars())
    if len(ids) == 1 and word:
        return ids[0]
    return batches.get(c, word).id


def half_deleted(c: Connection) -> list[str]:
    """The batches whose deletion was stopped half-way."""
    return list(_HALF_DELETED(c).scalars())


def hide(c: Connection, batch_id: str, *, is_forced: bool) -> None:
    """Let nobody else see the batch any more, and take its jobs from whoever runs them.

    Its output or input may be used by a new batch from now on. Raises `UsageError` while jobs of
    it run, unless `is_forced`.
    """
    row = _LOCK(c, batch_id=batch_id).one_or_none()
    if row is None:
        raise batches.unknown(batch_id)
    if row.state == BatchState.DELETING:
        return
    in_flight = list(_IN_FLIGHT(c, batch_id=batch_id).scalars())
    if in_flight and not is_forced:
        raise UsageError(
            f"{len(in_flight):,} rows of {batch_id} are being run. End it first with `nightmill"
            f" cancel {batch_id}`, or delete it all the same with --force."
        )
    _HIDE(c, batch_id=batch_id)
    _drop(c, in_flight)


def drop_page(c: Connection, batch_id: str, limit: int) -> int:
    """Remove up to `limit` jobs of a hidden batch and all that belongs to them; how many.

    Fewer than `limit`: none is left.
    """
    page = list(_PAGE(c, batch_id=batch_id, limit=limit).scalars())
    _drop(c, page)
    if len(page) < limit:
        counters.clear(c, batch_id)
    return len(page)


def is_any_unfinished(c: Connection) -> bool:
    """Whether a batch that nobody deletes is not over, so that somebody may be writing for it."""
    return bool(_IS_ANY_UNFINISHED(c).scalar_one())


def forget(c: Connection, batch_id: str) -> None:
    """Remove the last trace of a batch, if it has no jobs left."""
    if _HAS_JOBS(c, batch_id=batch_id).scalar_one():
        # Two delete it at once, and one of them found the rows of its page gone.
        return
    actions.forget(c, batch_id)
    notices.forget(c, batch_id)
    _FORGET(c, batch_id=batch_id)


def _drop(c: Connection, job_ids: list[str]) -> None:
    for statement in _DROP:
        statement(c, ids=job_ids)


_FIND = Sql(
    "SELECT id FROM batches WHERE substr(id, 1, :size) = :word OR name = :word ORDER BY id LIMIT 2"
)
_HALF_DELETED = Sql("SELECT id FROM batches WHERE state = 'deleting' ORDER BY id")
_IS_ANY_UNFINISHED = Sql(
    "SELECT EXISTS (SELECT 1 FROM batches WHERE state IN ('ingesting', 'open', 'finalizing'))"
)
_LOCK = Sql("SELECT j.state FROM batches AS j WHERE j.id = :batch_id {lock}")
_HIDE = Sql(
    "UPDATE batches SET state = 'deleting', run_key = 'deleting ' || id, options = '{{}}'"
    " WHERE id = :batch_id"
)
_IN_FLIGHT = Sql("""
SELECT j.id FROM {jobs_in_flight}
WHERE {in_flight} AND {batch} = :batch_id ORDER BY j.id {lock}
""")
_PAGE = Sql("""
SELECT j.id FROM jobs AS j WHERE j.id IN (
    SELECT id FROM jobs WHERE batch_id = :batch_id ORDER BY line, id LIMIT :limit
) ORDER BY j.id {lock}
""")
_DROP = (
    Sql("DELETE FROM requests WHERE job_id IN {ids}", ids="id"),
    Sql("DELETE FROM results WHERE job_id IN {ids}", ids="id"),
    Sql("DELETE FROM attempts WHERE job_id IN {ids}", ids="id"),
    Sql("DELETE FROM jobs WHERE id IN {ids}", ids="id"),
)
_HAS_JOBS = Sql("SELECT EXISTS (SELECT 1 FROM jobs WHERE batch_id = :batch_id)")
_FORGET = Sql("DELETE FROM batches WHERE id = :batch_id")
