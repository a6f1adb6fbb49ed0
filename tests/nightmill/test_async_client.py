"""Nightmill from a program with an event loop."""

import asyncio
import inspect
from pathlib import Path

import pytest

from nightmill import AsyncClient, Client, UsageError
from tests.nightmill.processes import marked

ROWS = [{"prompt": f"say {i}"} for i in range(20)]


def test_rows_are_run_and_their_results_come_by_async_for(mill: Path, mark: str) -> None:
    async def program() -> list[str]:
        async with AsyncClient() as client:
            answers = [result.response async for result in client.run(ROWS)]
        return sorted(answers)

    assert asyncio.run(program()) == sorted(row["prompt"] for row in ROWS)
    assert marked(mark) == []


def test_a_batch_is_submitted_asked_about_waited_for_and_read(mill: Path, mark: str) -> None:
    seen: list[object] = []

    async def program() -> list[int]:
        async with AsyncClient() as client:
            batch = await client.submit(ROWS, max_tokens=1)
            assert (await client.status(batch)).counts["pending"] == len(ROWS)
            status = await client.wait(batch, seen.append)
            assert status.cut == len(ROWS)
            assert await client.cancel(batch) == await client.retry(batch) == 0
            return [result.line async for result in client.results(batch)]

    assert asyncio.run(program()) == list(range(1, len(ROWS) + 1))
    assert seen


def test_what_is_cancelled_leaves_nothing_running_and_the_batch_as_it_was(
    mill: Path, mark: str
) -> None:
    async def program() -> None:
        async with AsyncClient() as client:
            batch = await client.submit(ROWS)
            for waiting in (client.wait(batch), anext(client.results(batch, follow=True))):
                task = asyncio.ensure_future(waiting)
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert marked(mark) == []
            assert not (await client.status(batch)).is_over

    asyncio.run(program())


def test_errors_are_those_of_the_client(mill: Path) -> None:
    async def program() -> None:
        async with AsyncClient() as client:
            with pytest.raises(UsageError):
                await client.status("b-nope")
            with pytest.raises(UsageError):
                await anext(client.results("b-nope"))

    asyncio.run(program())


def test_whatever_the_one_client_does_the_other_does_too() -> None:
    def public(client: type) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")}

    assert public(Client) == public(AsyncClient)
    for name in public(Client) - {"wait"}:
        assert inspect.signature(getattr(Client, name)).parameters == (
            inspect.signature(getattr(AsyncClient, name)).parameters
        )
