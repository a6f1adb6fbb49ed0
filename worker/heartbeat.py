"""The heartbeat: it keeps the leases of what is held, and the host on the list of the living."""

import asyncio

from jobs.errors import StoreError
from worker.pipeline import Pipeline
from worker.writer import Writer

BUSY_S = 1.0
IDLE_S = 5.0


async def keep_beating(pipeline: Pipeline, writer: Writer) -> None:
    """Beat every second while there is work, more seldom when not; until it is cancelled."""
    idle_s = IDLE_S
    was_well = True
    try:
        while True:
            trouble = pipeline.trouble
            is_news = was_well is not (trouble is None)
            if pipeline.is_busy or is_news or idle_s >= IDLE_S:
                # No answer aborts nothing: while the store is away, generation goes on.
                beat = await writer.beat(trouble)
                pipeline.abort(beat.lost)
                was_well, idle_s = trouble is None, 0.0
            await asyncio.sleep(BUSY_S)
            idle_s += BUSY_S
    except StoreError:
        # The writer has died and said why; the host ends.
        return
