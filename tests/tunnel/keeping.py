"""A tunnel that is kept up, and what it said of itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from jobs.clocks import counting_sleep
from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import TunnelReport, TunnelState
from tests.tunnel.services import until
from tunnel.places import Places
from tunnel.supervisor import Supervisor


class Kept:
    """The supervisor and all that it told."""

    def __init__(self, settings: TunnelSettings, places: Places) -> None:
        self.settings = settings
        self.told: list[TunnelReport] = []
        #: Seconds by which its clock goes wrong.
        self.ahead_s = 0.0
        self.supervisor = Supervisor(
            "home", settings, places, self.told.append, clock=self._clock, chance=lambda: 0.1
        )

    def _clock(self) -> float:
        return counting_sleep() + self.ahead_s

    @property
    def states(self) -> list[TunnelState]:
        """All states so far, each once in a row."""
        states = [report.state for report in self.told]
        return [s for s, before in zip(states, [None, *states], strict=False) if s is not before]

    @property
    def last(self) -> TunnelReport:
        """What it told last."""
        return self.told[-1]

    async def until(self, condition: Callable[[TunnelReport], bool], what: str) -> TunnelReport:
        """Wait for a report about which that holds."""
        await until(lambda: condition(self.supervisor.report()), what)
        return self.supervisor.report()

    async def until_state(self, state: TunnelState) -> TunnelReport:
        """Wait for a state."""
        return await self.until(lambda report: report.state is state, f"it to be {state}")


@asynccontextmanager
async def keeping(
    settings: TunnelSettings, data_dir: Path, *, agent: Path | None = None
) -> AsyncIterator[Kept]:
    """A tunnel for as long as the block lasts."""
    places = Places(data_dir=data_dir, home=data_dir / "home", agent=agent)
    kept = Kept(settings, places)
    running = asyncio.create_task(kept.supervisor.run())
    try:
        yield kept
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        # What the other end does about it may take a moment.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        await until(lambda: all(task.done() for task in left), "all tasks to end")
