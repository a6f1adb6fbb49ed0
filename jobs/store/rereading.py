"""The end of another reading: rows that the input has no more leave, what was cut short runs.

Page by page, so that others get to write, before `batches.finish_ingest` says that it is all in.
Each verb is one transaction of its caller's; whoever is stopped leaves a reading that is not over,
and the same command begins the next one.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from jobs.store.dialect import Sql
from jobs.store.ingest import lock_ingesting
from jobs.store.paging import Page
from jobs.store.terminal import leave, open_next_run_of


def gone(c: Connection, after: int, limit: int, *, batch_id: str, revision: int) -> Page:
    """The next jobs from a line on that this reading has not seen.

    Those of one line may be on two pages: readings that were broken off gave it to several.
    """
    chosen = {"batch_id": batch_id, "before": revision, "after": after, "limit": limit}
    return Page.of(_GONE(c, **chosen).all(), after)


def let_go(c: Connection, batch_id: str, revision: int, job_ids: Sequence[str]) -> None:
    """Take these jobs out of the batch. Raises `StoppedEarlyError` as `ingest.add` does."""
    lock_ingesting(c, batch_id, revision)
    leave(c, batch_id, job_ids)


def run_again(c: Connection, batch_id: str, revision: int, job_ids: Sequence[str]) -> None:
    """Open the next run of jobs that were cut short. Raises `StoppedEarlyError` likewise."""
    lock_ingesting(c, batch_id, revision)
    open_next_run_of(c, batch_id, job_ids)


_GONE = Sql("""
SELECT j.id, j.line FROM jobs AS j
WHERE j.batch_id = :batch_id AND j.line >= :after AND j.revision > 0 AND j.revision < :before
ORDER BY j.line LIMIT :limit
""")
