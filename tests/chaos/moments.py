"""The moments of a job's life at which faults come: reached by looking at the store."""

import random
from enum import Enum

from tests.chaos.world import ROW_S, World


class Moment(Enum):
    """What happens to some job of the batch right now."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    GENERATING = "generating"
    #: Its answer is there, and its record is on the way.
    RECORDING = "recording"
    CANCELLING = "cancelling"


#: How long such a job has been running, in shares of what a row takes.
_AGES = {
    Moment.CLAIMED: (0.0, 0.25),
    Moment.GENERATING: (0.25, 0.9),
    Moment.RECORDING: (0.95, 100.0),
}


def reach(world: World, moment: Moment, batch: str, rng: random.Random) -> bool:
    """Wait for a moment in the life of a batch; false where it was over before."""
    if moment is Moment.CANCELLING:
        return _reach_cancelling(world, batch, rng)
    return bool(
        world.until(lambda: _is(world, moment, batch) or _is_over(world, batch), moment.value)
        and not _is_over(world, batch)
    )


def _reach_cancelling(world: World, batch: str, rng: random.Random) -> bool:
    if not reach(world, Moment.CLAIMED, batch, rng):
        return False
    world.begin_to_cancel(batch)
    # Either while the command is on its way, or as soon as it has had its effect.
    if rng.random() < 0.7:
        world.until(lambda: _is_over(world, batch), "its effect")
    return True


def _is(world: World, moment: Moment, batch: str) -> bool:
    if moment is Moment.QUEUED:
        return world.count("batch_id = :batch AND state = 'dispatched'", batch=batch) > 0
    youngest, oldest = (share * ROW_S for share in _AGES[moment])
    running = "batch_id = :batch AND state = 'running'"
    age = "started_at BETWEEN :now - :oldest AND :now - :youngest"
    ages = {"youngest": youngest, "oldest": oldest}
    return world.count(f"{running} AND {age}", batch=batch, **ages) > 0


def _is_over(world: World, batch: str) -> bool:
    (state,) = world.ask("SELECT state FROM batches WHERE id = :batch", batch=batch)[0]
    return state not in {"ingesting", "open"}
