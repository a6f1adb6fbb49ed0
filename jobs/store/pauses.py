"""Batches of which nothing is handed out for now, and why.

A pause is no state: the batch stays open, and what runs of it ends as usual. Where too much of it
failed the brake pauses it, and somebody has to look; where a user does, it may have an end.
"""

from collections import Counter

from sqlalchemy import Connection

from jobs.model import BRAKE
from jobs.store import notices
from jobs.store.dialect import Sql
from jobs.store.notices import Event
from jobs.store.recalling import recall


def pause(
    c: Connection, batch_id: str, reason: str, by: str = BRAKE, for_s: float | None = None
) -> Counter[str] | None:
    """Hand out nothing more of an open batch, for so many seconds or until it is resumed.

    What nobody has claimed yet goes back to pending; how many jobs that were, by pool. Does
    nothing and returns None where the batch is over; or is paused already, for the brake: a
    user's word counts instead of what was said before.
    """
    if not _PAUSE(c, batch_id=batch_id, reason=reason, by=by, for_s=for_s).rowcount:
        return None
    if by == BRAKE:
        # Who paused it himself need not be told.
        notices.note(c, [batch_id], Event.PAUSED)
    return recall(c, batch_id)


def go_on(c: Connection, batch_id: str) -> bool:
    """Let a paused batch be handed out again; False where it was not paused."""
    return _GO_ON(c, batch_id=batch_id).rowcount == 1


def due(c: Connection) -> list[str]:
    """The batches whose pause is over."""
    return list(_DUE(c).scalars())


_PAUSE = Sql("""
UPDATE batches SET paused_reason = :reason, paused_by = :by,
    paused_until = {now} + CAST(:for_s AS DOUBLE PRECISION)
WHERE id = :batch_id AND state IN ('open', 'ingesting')
    AND (paused_reason IS NULL OR :by <> 'brake')
""")
_GO_ON = Sql("""
UPDATE batches SET paused_reason = NULL, paused_by = '', paused_until = NULL
WHERE id = :batch_id AND paused_reason IS NOT NULL
""")
_DUE = Sql("""
SELECT id FROM batches
WHERE state IN ('open', 'ingesting') AND paused_reason IS NOT NULL AND paused_until <= {now}
ORDER BY id
""")
