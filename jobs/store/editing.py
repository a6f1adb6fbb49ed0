"""What has not started of a batch is changed: how it is ordered, and who does it.

Each verb is one transaction of its caller's.
"""

import math
from collections import Counter
from typing import Any

import msgspec
from sqlalchemy import Connection

from jobs.errors import UsageError
from jobs.states import BatchState
from jobs.store import batches, rewriting
from jobs.store.dialect import Sql
from jobs.store.paging import Page
from jobs.store.recalling import recall
from jobs.store.rewriting import Heir, Rewrite

#: Takes a limit or a deadline away.
NO_LIMIT = 0
NO_DEADLINE = math.inf


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is said anew of a batch; None leaves it as it is."""

    #: Batches with a higher one go first.
    priority: int | None = None
    #: The share of failures among its last rows above which it is paused; 1 is never.
    max_failures: float | None = None
    #: How many of its jobs may be dispatched or running at once; `NO_LIMIT` is as many as fit.
    max_running: int | None = None
    #: Seconds from now after which what is not done expires; `NO_DEADLINE` is never.
    deadline_in_s: float | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What changes, by its name."""
        return {
            name: value for name, value in msgspec.structs.asdict(self).items() if value is not None
        }


def change(c: Connection, batch_id: str, changes: Changes) -> None:
    """Say anew how a batch is ordered and when it is paused or expires. Raises `UsageError` where
    it is gone.
    """
    batches.lock(c, batch_id)
    deadline = changes.deadline_in_s
    _CHANGE(
        c,
        batch_id=batch_id,
        priority=changes.priority,
        max_failures=changes.max_failures,
        max_running=changes.max_running,
        sets_deadline=int(deadline is not None),
        deadline_in_s=None if deadline == NO_DEADLINE else deadline,
    )


def give_to(c: Connection, batch_id: str, heir: Heir) -> Counter[str]:
    """Name the model and the pool of a batch anew; its rows follow by `move_page`.

    What nobody has claimed yet goes back to pending; how many jobs that were, by pool. Raises
    `UsageError` where the batch is over.
    """
    refuse_over(batch_id, batches.lock(c, batch_id))
    _GIVE(c, batch_id=batch_id, model=heir.model, pool=heir.pool)
    return recall(c, batch_id)


def check_page(c: Connection, after: int, limit: int, *, batch_id: str, heir: Heir) -> Page:
    """Look at jobs that wait and are not the heir's, after a line.

    Raises `UsageError` where the heir cannot do what one asks for.
    """
    page = _waiting(c, batch_id, heir, after, limit)
    rewriting.check(c, page.job_ids, Rewrite(heir=heir))
    return page


def move_page(c: Connection, batch_id: str, heir: Heir, after: int, limit: int) -> tuple[Page, int]:
    """Let jobs that wait and are not the heir's be done by it, after a line.

    Which those were, fewer than `limit` where none is left or the batch is over; and how many of
    them it got: the others were handed out at this moment.
    """
    if batches.lock(c, batch_id).is_over:
        return Page([], after), 0
    page = _waiting(c, batch_id, heir, after, limit)
    moved = list(_STILL_WAITING(c, ids=page.job_ids).scalars())
    rewriting.apply(c, moved, Rewrite(heir=heir))
    return page, len(moved)


def models_waiting(c: Connection, batch_id: str) -> list[str]:
    """The models that unfinished jobs of a batch ask for. Reads all that is unfinished."""
    return list(_MODELS(c, batch_id=batch_id).scalars())


def refuse_over(batch_id: str, state: BatchState) -> None:
    """Raise `UsageError` where nothing of a batch in this state waits any more."""
    if state.is_over:
        raise UsageError(
            f"{batch_id} is {state}: nothing of it waits any more. `nightmill retry {batch_id}"
            " --model NAME` lets another model do what failed."
        )


def _waiting(c: Connection, batch_id: str, heir: Heir, after: int, limit: int) -> Page:
    chosen = {"batch_id": batch_id, "model": heir.model, "pool": heir.pool}
    return Page.of(_WAITING(c, **chosen, after=after, limit=limit).all(), after)


_PARTS = {
    "waiting": "j.batch_id = :batch_id AND j.state = 'pending' AND j.line > :after"
    " AND (j.model <> :model OR j.pool <> :pool)"
}
_CHANGE = Sql("""
UPDATE batches SET
    priority = coalesce(CAST(:priority AS INTEGER), priority),
    max_failures = coalesce(CAST(:max_failures AS DOUBLE PRECISION), max_failures),
    max_running = nullif(coalesce(CAST(:max_running AS INTEGER), max_running), 0),
    deadline = CASE
        WHEN :sets_deadline = 1 THEN {now} + CAST(:deadline_in_s AS DOUBLE PRECISION)
        ELSE deadline
    END
WHERE id = :batch_id
""")
# How fast others did it says nothing any more.
_GIVE = Sql(
    "UPDATE batches SET model = :model, pool = :pool, jobs_per_s = 0, tokens_per_s = 0"
    " WHERE id = :batch_id"
)
_WAITING = Sql(
    "SELECT j.id, j.line FROM jobs AS j WHERE {waiting} ORDER BY j.line LIMIT :limit", _PARTS
)
_STILL_WAITING = Sql(
    "SELECT j.id FROM jobs AS j WHERE j.id IN {ids} AND {state} = 'pending' ORDER BY j.id {lock}",
    ids="id",
)
_MODELS = Sql("""
SELECT DISTINCT j.model FROM jobs AS j
WHERE j.batch_id = :batch_id AND j.state IN ('pending', 'dispatched', 'running') ORDER BY j.model
""")
