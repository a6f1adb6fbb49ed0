"""Whatever happens, in whatever order: each accepted job has exactly one terminal record a run.

Hypothesis plays users, dispatcher, sessions and misfortune against the real verbs of the store,
under a clock that it moves. A failure prints the steps that lead to it, as a program.
"""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos.clock import clocked_store
from tests.chaos.model_mill import Mill


# The seed stands in the name of a test that fails: give that name to pytest to play it again.
# Few games to a seed: after the first dozen Hypothesis plays variations of these. These three
# seeds together found each of some forty faults that were put into the store by hand.
@pytest.mark.parametrize("chance", [3, 5, 6])
def test_every_job_ends_once_in_a_run(store_url: str, chance: int) -> None:
    play(store_url, chance, games=12, steps=50)


@pytest.mark.long
@pytest.mark.parametrize("chance", range(100, 110))
def test_every_job_ends_once_in_a_run_of_many_games(store_url: str, chance: int) -> None:
    play(store_url, chance, games=40, steps=100)


def play(url: str, chance: int, *, games: int, steps: int) -> None:
    """That many games against one store, the same ones each time."""
    rules = settings(
        max_examples=games,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    with clocked_store(url) as (store, clock):

        @seed(chance)
        def mill() -> Mill:
            return Mill(store, clock)

        run_state_machine_as_test(mill, settings=rules)
