"""Whatever is killed, cut or frozen at whatever moment: every accepted row ends once.

A failure says how it can be played again. All cells: `-m "long or not long"`; another choice of
those that are played each time and other random choices in all of them: the seed.
"""

import os
import random

import pytest

from tests.chaos import journal as journals
from tests.chaos import oracle
from tests.chaos.cells import Cell, all_cells, play, sample
from tests.chaos.conftest import Worlds
from tests.chaos.world import World

SEED = int(os.environ.get("NIGHTMILL_CHAOS_SEED", "4"))

ROWS = 40

_SAMPLE = {cell.id for cell in sample(SEED)}


def case(cell: Cell) -> object:
    return pytest.param(cell, id=cell.id, marks=() if cell.id in _SAMPLE else (pytest.mark.long,))


@pytest.mark.parametrize("cell", [case(cell) for cell in all_cells()])
def test_every_accepted_row_ends_once(worlds: Worlds, cell: Cell) -> None:
    try:
        run(worlds.of(cell.layout), cell)
    except BaseException as error:
        error.add_note(f"Again: NIGHTMILL_CHAOS_SEED={SEED} pytest -m '' -k {cell.id}")
        error.add_note(worlds.discard(cell.layout))
        raise


def run(world: World, cell: Cell) -> None:
    rng = random.Random(f"{SEED} {cell.id}")

    batches = play(world, cell, rng, ROWS)
    world.be_quiet()

    told = list(journals.entries(world.journal.path))
    assert oracle.violations(told, oracle.dump(world.ask)) == []
    assert_complete(world, batches[-1])


def assert_complete(world: World, batch: str) -> None:
    """Its owner gets a line for each row, in order."""
    results = world.results_of(batch)
    assert [row["prompt"].split("-")[-1] for row in results] == [str(i) for i in range(ROWS)]
