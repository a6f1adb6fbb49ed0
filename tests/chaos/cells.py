"""The matrix: every fault at every moment at which it makes sense, and how one cell is played."""

import random
from dataclasses import dataclass
from itertools import product

from tests.chaos.faults import ALONE, FAULTS, SHARED, Fault, Layout
from tests.chaos.moments import Moment, reach
from tests.chaos.world import World

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


def all_cells() -> list[Cell]:
    """The whole matrix, in a fixed order."""
    return [
        Cell(fault=fault, moment=moment, layout=layout)
        for fault in FAULTS
        for layout, moment in product(fault.layouts, fault.moments)
    ]


def sample(seed: int) -> list[Cell]:
    """One cell of every fault, by seed: what is tried each time."""
    return [
        random.Random(f"{seed} {fault.name}").choice(
            [cell for cell in all_cells() if cell.fault is fault]
        )
        for fault in FAULTS
    ]


def play(world: World, cell: Cell, rng: random.Random, rows: int) -> list[str]:
    """Hand in batches until the fault has met its moment; the batches."""
    batches = []
    while True:
        batches.append(world.submit(rows))
        if reach(world, cell.moment, batches[-1], rng):
            break
        world.end_cancelling()
    world.journal.fault(cell.fault.name, cell.moment.value)
    cell.fault.inject(world, rng, cell.moment)
    world.end_cancelling()
    world.journal.healed(waiting=world.waiting())
    return batches
