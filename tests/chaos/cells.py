"""The matrix: every fault at every moment at which it makes sense, and how one cell is played."""

import random
from dataclasses import dataclass

from tests.chaos.faults import ALONE, FAULTS, SHARED, WITH_ENGINE, WITH_SERVER, Fault
from tests.chaos.moments import Moment, reach
from tests.chaos.world import Layout, World

_PLACES = {SHARED: "", ALONE: "-alone"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A fault at a moment in an installation."""

    fault: Fault
    moment: Moment
    layout: Layout

    @property
    def id(self) -> str:
        """Its name, as `-k` takes it: `worker-kill-generating`, with `-alone` for one machine."""
        return f"{self.fault.name}-{self.moment.value}{_PLACES.get(self.layout, '')}"


#: How many cells are tried each time, by installation: few, and each time others by seed.
_SAMPLE = {SHARED: 6, ALONE: 2, WITH_ENGINE: 1, WITH_SERVER: 1}


def all_cells() -> list[Cell]:
    """The whole matrix, those of an installation together: each has to be started once."""
    return [
        Cell(fault=fault, moment=moment, layout=layout)
        for layout in _SAMPLE
        for fault in FAULTS
        if layout in fault.layouts
        for moment in fault.moments
    ]


def sample(seed: int) -> list[Cell]:
    """Some cells of the matrix, no fault of an installation twice."""
    rng = random.Random(seed)
    chosen = []
    for layout, count in _SAMPLE.items():
        faults = [fault for fault in FAULTS if layout in fault.layouts]
        for fault in rng.sample(faults, count):
            moment = rng.choice(fault.moments)
            chosen.append(Cell(fault=fault, moment=moment, layout=layout))
    return chosen


def play(world: World, cell: Cell, rng: random.Random, rows: int) -> list[str]:
    """Hand in batches until the fault has met its moment; the batches."""
    batches = []
    while True:
        batches.append(world.submit(rows, cell.fault.pool))
        if reach(world, cell.moment, batches[-1], rng):
            break
        world.end_cancelling()
    world.journal.fault(cell.fault.name, cell.moment.value)
    cell.fault.inject(world, rng, cell.moment)
    # What was killed is started again now, not when the next batch is handed in.
    world.tend()
    world.end_cancelling()
    world.journal.healed(waiting=world.waiting())
    return batches
