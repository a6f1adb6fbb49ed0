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


def is_any_to_see_to(c: Connection) -> bool:
    """Whether the pause of a batch is over, or something of a paused one is handed out."""
    return bool(_IS_ANY_DUE(c).scalar_one()) or _HANDED(c).first() is not None


def end_due(c: Connection) -> list[str]:
    """Let go on what was paused until now; which batches those are."""
    return sorted(_END_DUE(c).scalars())


def recall_paused(c: Connection) -> int:
    """Take back what of paused batches nobody has claimed yet; how many jobs.

    On Postgres it may have been handed out in the very moment of the pause.
    """
    return sum(recall(c, batch_id).total() for batch_id in sorted(_HANDED(c).scalars()))


_PAUSE = Sql("""
UPDATE batches SET paused_reason = :reason, paused_by = :by,
    paused_until = {now} + CAST(:for_s AS DOUBLE PRECISION)
WHERE id = :batch_id AND state IN ('open', 'ingesting')
    AND (paused_reason IS NULL OR :by <> 'brake')
""")
_PARTS = {
    "go_on": "UPDATE batches SET paused_reason = NULL, paused_by = '', paused_until = NULL",
    "due": "state IN ('open', 'ingesting') AND paused_reason IS NOT NULL AND paused_until <= {now}",
}
_GO_ON = Sql("{go_on} WHERE id = :batch_id AND paused_reason IS NOT NULL", _PARTS)
_IS_ANY_DUE = Sql("SELECT EXISTS (SELECT 1 FROM batches WHERE {due})", _PARTS)
# Not by an earlier look: somebody may have paused it anew.
_END_DUE = Sql("{go_on} WHERE {due} RETURNING id", _PARTS)
_HANDED = Sql("""
SELECT DISTINCT b.id FROM {jobs_in_flight} JOIN batches AS b ON b.id = j.batch_id
WHERE {in_flight} AND j.state = 'dispatched' AND b.paused_reason IS NOT NULL
    AND (b.paused_until IS NULL OR b.paused_until > {now})
""")
