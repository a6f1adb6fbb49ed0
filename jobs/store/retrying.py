"""Jobs that ended without an answer open their next run, page by page, so that others get to write.

Each verb is one transaction of its caller's. What a retry that was stopped left is as it was, and
the next retry goes on with it.
"""

from collections.abc import Collection

from sqlalchemy import Connection

from jobs.codes import ErrorCode
from jobs.errors import StoppedEarlyError
from jobs.store import batches, rewriting
from jobs.store.dialect import Sql
from jobs.store.paging import Page
from jobs.store.rewriting import Rewrite
from jobs.store.terminal import open_next_run_of

_AS_THEY_ARE = Rewrite()


def page_of(
    c: Connection, batch_id: str, after: int, limit: int, codes: Collection[ErrorCode] = ()
) -> Page:
    """The next failed jobs after a line; lines that could not be read are left out.

    With `codes` those jobs that ended with one of them, cancelled and expired ones too.
    """
    chosen = {"batch_id": batch_id, "after": after, "limit": limit}
    rows = (_OF_CODES(c, codes=sorted(codes), **chosen) if codes else _FAILED(c, **chosen)).all()
    return Page.of(rows, after)


def open_page(
    c: Connection,
    batch_id: str,
    after: int,
    limit: int,
    *,
    codes: Collection[ErrorCode] = (),
    rewrite: Rewrite = _AS_THEY_ARE,
) -> Page:
    """Let the next chosen jobs after a line run again, as `rewrite` says.

    The first page, after line 0, opens the batch again whatever ended or paused it. A later one
    opens it where it was completed meanwhile, and leaves a pause alone: the jobs of this very
    retry were its reason. Raises `StoppedEarlyError` where it was cancelled or has expired
    since, and `UsageError` where it is gone or the heir cannot do what a job asks for.
    """
    state = batches.lock(c, batch_id)
    if after and state in batches.CUT_SHORT:
        raise StoppedEarlyError(
            f"{batch_id} was {state} before all of its rows were opened again."
            f" The rest stays as it was: nightmill retry {batch_id}"
        )
    page = page_of(c, batch_id, after, limit, codes)
    if page.job_ids:
        if rewrite.is_any:
            rewriting.apply(c, page.job_ids, rewrite)
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
_OF_CODES = Sql(
    """
SELECT j.id, j.line FROM jobs AS j JOIN results AS r ON r.job_id = j.id AND r.run = j.run
WHERE j.batch_id = :batch_id AND j.state IN ('failed', 'cancelled', 'expired') AND j.line > :after
    AND j.run > 0 AND j.revision > 0 AND r.error_code IN {codes}
ORDER BY j.line LIMIT :limit
""",
    codes="code",
)
_UNREADABLE = Sql("""
SELECT count(*) FROM jobs
WHERE batch_id = :batch_id AND state = 'failed' AND run = 0 AND revision > 0
""")
