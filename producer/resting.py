"""What the leading dispatcher does for pauses and rests: end those that are over, recall."""

import logging

from jobs.store import actions, pauses, rests
from jobs.store.store import Store

logger = logging.getLogger(__name__)


def keep_rests(store: Store) -> None:
    """Let go on what was paused until now, and take back what waits in pools that rest.

    Nothing is written where there is nothing to do.
    """
    with store.read() as c:
        if not (pauses.is_any_to_see_to(c) or rests.is_any_due(c) or rests.of_pools(c)):
            return
    with store.write() as c:
        batches, pools = pauses.end_due(c), rests.end_due(c)
        for batch_id in batches:
            actions.note(c, actions.BY_ITSELF, "resume", batch_id=batch_id)
        for pool in pools:
            actions.note(c, actions.BY_ITSELF, "resume", pool=pool)
        recalled = rests.recall(c) + pauses.recall_paused(c)
    for what in [*batches, *(f"pool {pool}" for pool in pools)]:
        logger.info("The pause of %s is over.", what, extra={"action": "pause_over"})
    if recalled:
        logger.info(
            "%d jobs of what is paused or rests wait again.", recalled, extra={"action": "recalled"}
        )
