"""Failed jobs open their next run, page by page, so that others get to write.

Each verb is one transaction of its caller's. What a retry that was stopped left is failed as it
was, and the next retry goes on with it.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from jobs.errors import StoppedEarlyError
from jobs.states import BatchState
from jobs.store import batches, rewriting
from jobs.store.dialect import Sql
from jobs.store.rewriting import Heir
from jobs.store.terminal import open_next_run_of

_CUT_SHORT = {BatchState.CANCELLED, BatchState.EXPIRED}


class Page(NamedTuple):
    """Some of the failed jobs of a batch, in the order of their lines."""

    job_ids: list[str]
    #: Where the next page begins; where none are left, that of the page before.
    last_line: int


def failed_page(c: Connection, batch_id: str, after: int, limit: int) -> Page:
    """The next failed jobs after a line; lines that could not be read are left out."""
    rows = _FAILED(c, batch_id=batch_id, after=after, limit=limit).all()
    return Page([row.id for row in rows], rows[-1].line if rows else after)


def open_page(
    c: Connection, batch_id: str, after: int, limit: int, heir: Heir | None = None
) -> Page:
    """Let the next failed jobs after a line run again, by another model where there is an heir.

    The first page, after line 0, opens the batch again whatever ended or paused it. A later one
    opens it where it was completed meanwhile, and leaves a pause alone: the jobs of this very
    retry were its reason. Raises `StoppedEarlyError` where it was cancelled or has expired
    since, and `UsageError` where it is gone or the heir cannot do what a job asks for.
    """
    state = batches.lock(c, batch_id)
    if after and state in _CUT_SHORT:
        raise StoppedEarlyError(
            f"{batch_id} was {state} before all of its failed rows were opened again."
            f" The rest stays failed: nightmill retry {batch_id}"
        )
    page = failed_page(c, batch_id, after, limit)
    if page.job_ids:
        if heir is not None:
            rewriting.give_to(c, page.job_ids, heir)
        open_next_run_of(c, batch_id, page.job_ids)
        batches.reopen(c, batch_id, lift_pause=not after)
    return page


def unreadable(c: Connection, batch_id: str) -> int:
    """How many lines of a batch could not be read, so that no retry helps. Reads failed jobs."""
    return int(_UNREADABLE(c, batch_id=batch_id).scalar_one())


_FAILED = Sql("""
SELECT j.id, j.line FROM jobs AS j
WHERE j.batch_id = :batch_id AND j.state = 'failed' AND j.line > :after
    AND j.run > 0 AND j.revision > 0
ORDER BY j.line LIMIT :limit
""")
_UNREADABLE = Sql("""
SELECT count(*) FROM jobs
WHERE batch_id = :batch_id AND state = 'failed' AND run = 0 AND revision > 0
""")
