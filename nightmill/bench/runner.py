"""Measuring two sides in turn, so that whatever else the machine does touches both."""

from collections.abc import Callable, Mapping

from nightmill.bench.options import OnProgress

#: Does a piece of work once and returns how fast it was; bigger is better.
Side = Callable[[], float]


def alternate(
    name: str, sides: Mapping[str, Side], runs: int, on_progress: OnProgress
) -> list[dict[str, float]]:
    """Measure every side `runs` times; one mapping from side to figure for each round.

    Each round goes the other way round, so that no side always follows the same one.
    """
    rounds = []
    for number in range(1, runs + 1):
        names = list(sides)[:: 1 if number % 2 else -1]
        figures = {side: sides[side]() for side in names}
        rounds.append({side: figures[side] for side in sides})
        shown = ", ".join(f"{side} {figure:,.0f}" for side, figure in rounds[-1].items())
        on_progress(f"{name}, run {number} of {runs}: {shown}")
    return rounds
