"""Keeps one tunnel up: connects, proves that each forward works, and comes back from anything."""

import random
from collections.abc import Callable

from jobs.clocks import counting_sleep
from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import TunnelReport
from tunnel.places import Places


class Supervisor:
    """One tunnel, from `run` until that is cancelled. All of it is called on the loop's thread."""

    def __init__(
        self,
        name: str,
        settings: TunnelSettings,
        places: Places,
        on_report: Callable[[TunnelReport], None],
        *,
        clock: Callable[[], float] = counting_sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`on_report` is called when its state, or what it says of it, has changed."""

    async def run(self) -> None:
        """Keep it up until cancelled; a cancelled one says goodbye to the server and closes all."""

    def report(self) -> TunnelReport:
        """How it is now."""

    def reload(self, settings: TunnelSettings) -> None:
        """Go by other settings: forwards by their difference, the rest by a new connection."""

    def retry_now(self) -> None:
        """Do not wait for the next try; where it is connected, ask all forwards at once."""
