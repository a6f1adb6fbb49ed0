"""How soon a child that died is started again, and when that has become pointless."""

from dataclasses import dataclass
from typing import Self

#: A child that lived for less died of what will kill the next one too, most likely.
QUICK_S = 20.0
MAX_QUICK_DEATHS = 5
FIRST_DELAY_S = 0.25
MAX_DELAY_S = 10.0


@dataclass(frozen=True)
class Restarts:
    """What the deaths so far say about the next start."""

    #: Deaths in a row that came soon after the start.
    quick_deaths: int = 0

    def after(self, lived_s: float) -> Self:
        """Count one more death, of a child that lived for `lived_s` seconds."""
        return type(self)(self.quick_deaths + 1 if lived_s < QUICK_S else 0)

    @property
    def delay_s(self) -> float:
        """Seconds to wait before the next start: none after the first, then longer and longer."""
        if self.quick_deaths <= 1:
            return 0.0
        return float(min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** (self.quick_deaths - 2)))

    @property
    def are_pointless(self) -> bool:
        """Whether it dies each time it is started."""
        return self.quick_deaths >= MAX_QUICK_DEATHS
