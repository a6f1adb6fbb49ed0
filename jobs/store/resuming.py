"""The same command again lets what was cancelled or has expired of its batch run after all.

Page by page, so that others get to write; each verb is one transaction of its caller's. What a
command that was stopped left is as it was, and the same command goes on with it.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from jobs.errors import StoppedEarlyError
from jobs.store import batches
from jobs.store.dialect import Sql
from jobs.store.paging import Page
from jobs.store.terminal import open_next_run_of


def cut_short(c: Connection, after: int, limit: int, *, batch_id: str) -> Page:
    """The next jobs after a line that were cancelled or have expired."""
    counts = batches.counts(c, batch_id)
    if not counts.cancelled + counts.expired:
        # To look for them would take as long as the batch is.
        return Page([], after)
    return Page.of(_CUT_SHORT(c, batch_id=batch_id, after=after, limit=limit).all(), after)


def begin(c: Connection, batch_id: str, job_ids: Sequence[str]) -> None:
    """Open the next run of the first of these jobs.

    A batch that was cut short or has anything unfinished is open after it, and not paused.
    """
    state = batches.lock(c, batch_id)
    open_next_run_of(c, batch_id, job_ids)
    if state in batches.CUT_SHORT or batches.counts(c, batch_id).unfinished:
        batches.reopen(c, batch_id, lift_pause=True)


def go_on(c: Connection, batch_id: str, job_ids: Sequence[str]) -> None:
    """Open the next run of more of them, also where the others have ended meanwhile.

    Raises `StoppedEarlyError` where the batch was cancelled or has expired since.
    """
    state = batches.lock(c, batch_id)
    if state in batches.CUT_SHORT:
        raise StoppedEarlyError(
            f"{batch_id} was {state} before all of its rows were opened again. The rest stays as it"
            " was: the same command opens it."
        )
    open_next_run_of(c, batch_id, job_ids)
    # What paused it meanwhile may have been these very jobs.
    batches.reopen(c, batch_id, lift_pause=False)


_CUT_SHORT = Sql("""
SELECT j.id, j.line FROM jobs AS j
WHERE j.batch_id = :batch_id AND j.line > :after AND j.state IN ('cancelled', 'expired')
    AND j.run > 0 AND j.revision > 0
ORDER BY j.line LIMIT :limit
""")
