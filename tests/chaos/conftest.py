from collections.abc import Iterator

import pytest

from tests.chaos.world import Layout, World


class Worlds:
    """One installation of each kind, for all cells that need it."""

    def __init__(self) -> None:
        self._open: dict[Layout, World] = {}

    def of(self, layout: Layout) -> World:
        if layout not in self._open:
            self._open[layout] = World.open(layout)
        return self._open[layout]

    def discard(self, layout: Layout) -> str:
        """Close one, so that the next cell gets another; what its programs complained of."""
        world = self._open.pop(layout, None)
        if world is None:
            return ""
        said = world.complaints()
        world.close()
        return said

    def close(self) -> None:
        for layout in list(self._open):
            self.discard(layout)


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    worlds = Worlds()
    yield worlds
    worlds.close()
