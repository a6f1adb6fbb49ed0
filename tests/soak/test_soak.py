import asyncio
import os

import pytest

from tests.soak.run import MEDIAN_S, WORST_S, soak, verdict
from tests.soak.tunnel import Held, least

SEED = int(os.environ.get("NIGHTMILL_CHAOS_SEED", "6"))


def held(**more: int) -> Held:
    return Held(
        **{"channels": 0, "tasks": 8, "descriptors": 30, "threads": 3, "memory_kb": 60_000} | more
    )


def test_what_grows_by_more_than_a_twentieth_is_a_broken_promise() -> None:
    assert verdict(held(), held(memory_kb=63_000), [1.0])["ok"]
    assert not verdict(held(), held(memory_kb=63_100), [1.0])["ok"]
    assert not verdict(held(), held(tasks=9), [1.0])["ok"]
    assert not verdict(held(), held(channels=1), [1.0])["ok"]


def test_what_comes_and_goes_is_no_growth_and_what_stays_is() -> None:
    before = least([held(tasks=8), held(tasks=10), held(descriptors=31)])
    assert before == held()
    assert verdict(before, least([held(tasks=11), held(tasks=8)]), [1.0])["ok"]
    assert not verdict(before, least([held(tasks=11), held(tasks=9)]), [1.0])["ok"]


def test_one_slow_return_is_a_broken_promise() -> None:
    assert not verdict(held(), held(), [1.0] * 50 + [10.1])["ok"]
    assert not verdict(held(), held(), [3.1] * 3)["ok"]


@pytest.mark.long
@pytest.mark.usefixtures("sshd_program")
def test_a_tunnel_that_is_cut_twenty_times_comes_back_and_leaves_nothing_behind() -> None:
    found = asyncio.run(soak(20, SEED))
    # Memory needs more cuts than these to settle.
    grown = {what: by for what, by in found["grown_percent"].items() if what != "memory_kb"}
    assert max(grown.values()) <= 0, found
    assert found["restored_s"]["median"] <= MEDIAN_S, found
    assert found["restored_s"]["worst"] <= WORST_S, found
