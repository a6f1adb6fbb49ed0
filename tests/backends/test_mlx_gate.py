import asyncio

import pytest

from backends.mlx.gate import ModelGate
from tests.backends.conftest import Run


class Visitors:
    """Tasks that go through a gate and stay inside until they are told to leave."""

    def __init__(self) -> None:
        self.gate = ModelGate()
        self.inside: list[str] = []
        self._leave: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        """A name is its model and a number, such as `a1`."""
        for name in names:
            self._leave[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._visit(name))
        await settled()

    async def leave(self, *names: str) -> None:
        for name in names:
            self._leave[name].set()
        await settled()

    async def cancel(self, *names: str) -> None:
        for name in names:
            self._tasks[name].cancel()
        await settled()

    async def _visit(self, name: str) -> None:
        async with self.gate.hold(name[0]):
            self.inside.append(name)
            try:
                await self._leave[name].wait()
            finally:
                self.inside.remove(name)


async def settled() -> None:
    """All tasks have gone as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def visitors(run: Run) -> Visitors:
    return Visitors()


def test_jobs_of_one_model_go_in_together(run: Run, visitors: Visitors) -> None:
    run(visitors.come("a1", "a2", "a3"))
    assert visitors.inside == ["a1", "a2", "a3"]


def test_another_model_waits_for_the_last_to_leave(run: Run, visitors: Visitors) -> None:
    run(visitors.come("a1", "a2", "b1"))
    run(visitors.leave("a1"))
    assert visitors.inside == ["a2"]
    run(visitors.leave("a2"))
    assert visitors.inside == ["b1"]


def test_nobody_passes_those_who_wait_for_another_model(run: Run, visitors: Visitors) -> None:
    run(visitors.come("a1", "b1", "a2"))
    assert visitors.inside == ["a1"]
    run(visitors.leave("a1"))
    assert visitors.inside == ["b1"]
    run(visitors.leave("b1"))
    assert visitors.inside == ["a2"]


def test_all_of_a_model_go_in_when_its_turn_comes(run: Run, visitors: Visitors) -> None:
    run(visitors.come("a1", "b1", "a2", "b2", "c1", "b3"))
    run(visitors.leave("a1"))
    assert visitors.inside == ["b1", "b2", "b3"]


def test_who_stops_waiting_does_not_block_the_others(run: Run, visitors: Visitors) -> None:
    run(visitors.come("a1", "b1", "a2"))
    run(visitors.cancel("b1"))
    assert visitors.inside == ["a1", "a2"]


def test_who_is_cancelled_inside_leaves(run: Run, visitors: Visitors) -> None:
    run(visitors.come("a1", "b1"))
    run(visitors.cancel("a1"))
    assert visitors.inside == ["b1"]


def test_who_is_cancelled_at_the_moment_of_entering_leaves(run: Run, visitors: Visitors) -> None:
    async def let_in_and_cancel() -> None:
        await visitors.come("a1", "b1", "c1")
        visitors._leave["a1"].set()
        # One step: the gate lets b1 in, which has not noticed yet.
        await asyncio.sleep(0)
        visitors._tasks["b1"].cancel()
        await settled()

    run(let_in_and_cancel())
    assert visitors.inside == ["c1"]
