"""Checks in a process that is killed when one takes too long, without harm to the others."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from backends.errors import RefusedError, RetryLaterError
from jobs.codes import ErrorCode
from tests.integration.mill import ROOT
from tests.waiting import eventually
from worker.fitting.checker import Checker
from worker.fitting.turns import Turns

CATASTROPHIC = {"pattern": "^(a+)+$"}
ENDLESS = '"' + "a" * 60 + '!"'
SLOW = {"pattern": "^(a+)+$", "title": "another"}
SHORT_S = 0.05


class Watched:
    """A checker and the processes that it started."""

    def __init__(self, limit_s: float) -> None:
        self.pids: list[int] = []
        self.checker = Checker(limit_s, self.pids.append)
        self.order: list[str] = []

    async def check(self, text: str, schema: dict[str, Any], name: str = "") -> str | None:
        try:
            return (await self.checker.check(text, schema)).misfit
        finally:
            self.order.append(name)


@asynccontextmanager
async def watched(limit_s: float = 30.0) -> AsyncIterator[Watched]:
    one = Watched(limit_s)
    try:
        yield one
    finally:
        await one.checker.close()
        assert not any(psutil.pid_exists(pid) for pid in one.pids)


Test = Callable[[], Awaitable[None]]


def run(test: Test) -> None:
    asyncio.run(test())  # type: ignore[arg-type]  # a coroutine function in all callers


def test_answers_are_held_to_their_schemas_by_one_process() -> None:
    async def test() -> None:
        async with watched() as one:
            texts = ["1", '"x"', "no"]
            said = await asyncio.gather(*(one.check(text, {"type": "integer"}) for text in texts))

            assert said[0] is None
            assert said[1] == "the answer: not a whole number"
            assert said[2] is not None
            assert len(one.pids) == 1

    run(test)


def test_without_a_check_there_is_no_process() -> None:
    async def test() -> None:
        async with watched() as one:
            assert one.pids == []

    run(test)


def test_a_pattern_that_would_run_for_ever_fails_its_own_answer_only() -> None:
    async def test() -> None:
        async with watched(SHORT_S) as one:
            with pytest.raises(RefusedError, match=r"took more than 0\.05 s") as refused:
                await one.check(ENDLESS, CATASTROPHIC)

            assert refused.value.code is ErrorCode.INVALID_SCHEMA
            assert "aaa" not in str(refused.value)
            assert await one.check('"aaa"', CATASTROPHIC) is None
            assert len(one.pids) == 2

    run(test)


def test_a_slow_schema_delays_a_neighbour_by_no_more_than_one_check() -> None:
    async def test() -> None:
        async with watched(SHORT_S) as one:
            slow = [one.check(ENDLESS, CATASTROPHIC, "slow") for _ in range(4)]
            checks = [*slow, one.check('"x"', {}, "quick"), one.check('"x"', {}, "quick")]
            await asyncio.gather(*checks, return_exceptions=True)

            assert one.order[:4] == ["slow", "quick", "slow", "quick"]

    run(test)


def test_waiting_for_others_costs_nothing_of_the_own_time() -> None:
    async def test() -> None:
        async with watched(SHORT_S) as one:
            slow = [one.check(ENDLESS, CATASTROPHIC), one.check(ENDLESS, SLOW)]
            *failed, fine = await asyncio.gather(*slow, one.check("1", {}), return_exceptions=True)

            assert [type(error) for error in failed] == [RefusedError, RefusedError]
            assert fine is None

    run(test)


def test_a_process_killed_from_outside_is_replaced_and_the_check_done_again() -> None:
    async def test() -> None:
        async with watched() as one:
            assert await one.check("1", {}) is None
            os.kill(one.pids[0], signal.SIGKILL)

            assert await one.check("2", {}) is None
            assert len(one.pids) == 2

    run(test)


def test_the_signals_of_a_group_do_not_end_it() -> None:
    async def test() -> None:
        async with watched() as one:
            assert await one.check("1", {}) is None
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(one.pids[0], number)

            assert await one.check("2", {}) is None
            assert len(one.pids) == 1

    run(test)


def test_who_gave_up_is_not_served() -> None:
    async def test() -> None:
        async with watched() as one:
            first = asyncio.create_task(one.check("1", {}))
            second = asyncio.create_task(one.check("2", {}))
            await asyncio.sleep(0)
            second.cancel()

            assert await first is None
            assert await one.check("3", {}) is None
            assert second.cancelled()

    run(test)


def test_once_closed_it_starts_nothing_more() -> None:
    async def test() -> None:
        async with watched() as one:
            await one.checker.close()
            with pytest.raises(RetryLaterError):
                await one.check("1", {})
            assert one.pids == []

    run(test)


ORPHAN = """
import asyncio
from worker.fitting.checker import Checker

def tell(pid):
    print(pid, flush=True)

asyncio.run(Checker(0.5, tell).check(%r, {"pattern": "^(a+)+$"}))
"""


@pytest.mark.parametrize("text", ["1", ENDLESS])
def test_it_ends_with_its_parent_even_in_the_middle_of_a_check(text: str) -> None:
    code = ORPHAN % text + "import time; time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()

    eventually(lambda: not _lives(pid), "the end of the process that checks")


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_groups_take_turns_and_keep_their_own_order() -> None:
    turns: Turns[int] = Turns()
    for number, group in enumerate("aaabbc"):
        turns.add(group, number)

    assert [turns.take() for _ in range(len(turns))] == [0, 3, 5, 1, 4, 2]
    with pytest.raises(KeyError):
        turns.take()
