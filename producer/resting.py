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
        batches, pools, resting = pauses.due(c), rests.due(c), rests.of_pools(c)
    if not (batches or pools or resting):
        return
    with store.write() as c:
        for batch_id in batches:
            if pauses.go_on(c, batch_id):
                actions.note(c, actions.BY_ITSELF, "resume", batch_id=batch_id)
        for pool in pools:
            if rests.go_on(c, pool):
                actions.note(c, actions.BY_ITSELF, "resume", pool=pool)
        recalled = rests.recall(c)
    for what in [*batches, *(f"pool {pool}" for pool in pools)]:
        logger.info("The pause of %s is over.", what, extra={"action": "pause_over"})
    if recalled:
        logger.info(
            "%d jobs of pools that rest wait again.", recalled, extra={"action": "recalled"}
        )
