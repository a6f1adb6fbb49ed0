"""The front with children of straw: processes that speak in frames and have no engine."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from backends.errors import (
    BackendError,
    CrashedError,
    ParkBackendError,
    RefusedError,
)
from backends.mlx.front import MlxBackend
from jobs.model import GenerationResult
from tests.backends.asking import answer, answers, ask, begun, ignore, until
from tests.backends.conftest import Run
from tests.waiting import eventually

STRAW_CHILD = Path(__file__).with_name("straw_child.py")

HELLO = ask("hello", "small")


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of this needs mlx-lm."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """Folders that look like models, one of them big."""
    for name, size in (("small", 1000), ("other", 1000), ("big", 1_000_000_000)):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 4096}))
        (folder / "tokenizer.json").write_text("{}")
        with (folder / "model.safetensors").open("wb") as weights:
            weights.truncate(size)
    return tmp_path / "models"


@pytest.fixture
def make(models_dir: Path, tmp_path: Path) -> Callable[..., MlxBackend]:
    def make(behaviour: str, silence_s: float = 60.0) -> MlxBackend:
        return MlxBackend(
            models_dir=models_dir,
            lock_path=tmp_path / "locks" / "engine.lock",
            silence_s=silence_s,
            command=(sys.executable, str(STRAW_CHILD), behaviour),
        )

    return make


@asynccontextmanager
async def opened(*backends: MlxBackend) -> AsyncIterator[MlxBackend]:
    for backend in backends:
        await backend.open()
    try:
        yield backends[0]
    finally:
        for backend in backends:
            await backend.close()


Make = Callable[..., MlxBackend]


def pid_of(backend: MlxBackend) -> int:
    assert backend._keeper is not None
    assert backend._keeper.ready is not None
    assert backend._keeper.ready.pid is not None
    return backend._keeper.ready.pid


async def error_of(task: "asyncio.Task[GenerationResult]") -> BackendError:
    with pytest.raises(BackendError) as caught:
        await asyncio.wait_for(task, 30)
    return caught.value


def test_nobody_is_to_blame_when_several_were_in_flight(run: Run, make: Make) -> None:
    async def kill_two() -> list[BackendError]:
        async with opened(make("progresses")) as backend:
            tasks = [await begun(backend, HELLO), await begun(backend, HELLO)]
            os.kill(pid_of(backend), signal.SIGKILL)
            return [await error_of(task) for task in tasks]

    errors = run(kill_two())
    assert [isinstance(error, CrashedError) and error.alone for error in errors] == [False, False]


def test_a_cancelled_row_is_a_suspect_until_the_child_has_let_go_of_it(
    run: Run, make: Make
) -> None:
    async def cancel_then_kill() -> BackendError:
        async with opened(make("stubborn")) as backend:
            cancelled, other = await begun(backend, HELLO), await begun(backend, HELLO)
            cancelled.cancel()
            await asyncio.wait([cancelled])
            os.kill(pid_of(backend), signal.SIGKILL)
            return await error_of(other)

    error = run(cancel_then_kill())
    assert isinstance(error, CrashedError)
    assert not error.alone


def test_a_child_that_says_nothing_with_a_job_is_stopped(run: Run, make: Make) -> None:
    async def ask_a_mute_child() -> tuple[BackendError, bool]:
        async with opened(make("mute", silence_s=0.4)) as backend:
            error = await error_of(await begun(backend, HELLO))
            return error, (await backend.health()).is_well

    error, is_well = run(ask_a_mute_child())
    assert isinstance(error, CrashedError)
    assert error.alone
    assert "no sign of life" in str(error)
    assert is_well


def test_a_child_that_beats_may_take_its_time(run: Run, make: Make) -> None:
    async def wait_for_long() -> bool:
        async with opened(make("progresses", silence_s=0.2)) as backend:
            task = await begun(backend, HELLO)
            done, _ = await asyncio.wait([task], timeout=1)
            task.cancel()
            return bool(done)

    assert not run(wait_for_long())


def test_what_is_no_frame_ends_the_child(run: Run, make: Make) -> None:
    async def ask_a_broken_child() -> BackendError:
        async with opened(make("garbage")) as backend:
            return await error_of(asyncio.create_task(answer(backend, HELLO)))

    assert isinstance(run(ask_a_broken_child()), CrashedError)


@pytest.mark.parametrize(
    ("behaviour", "kind", "message"),
    [
        ("dies-loading", ParkBackendError, r"small died \(exit status 7\)"),
        ("lacks-memory", ParkBackendError, "small cannot be loaded: .*Unable to allocate"),
        ("broken-model", RefusedError, "small cannot be loaded: .*not supported"),
    ],
)
def test_all_who_wait_learn_why_there_is_no_model(
    run: Run, make: Make, behaviour: str, kind: type[BackendError], message: str
) -> None:
    async def ask_three_times() -> list[BaseException | GenerationResult]:
        async with opened(make(behaviour)) as backend:
            asked = [answer(backend, HELLO) for _ in range(3)]
            return await asyncio.gather(*asked, return_exceptions=True)

    for error in run(ask_three_times()):
        with pytest.raises(kind, match=message):
            raise error


def test_a_child_that_cannot_be_started_parks_the_backend(
    run: Run, models_dir: Path, tmp_path: Path
) -> None:
    async def ask_in_vain() -> None:
        backend = MlxBackend(
            models_dir=models_dir, lock_path=tmp_path / "lock", command=("/nowhere/python",)
        )
        async with opened(backend):
            with pytest.raises(ParkBackendError, match="cannot be started"):
                await answer(backend, HELLO)

    run(ask_in_vain())


def test_one_who_stops_waiting_does_not_take_the_model_from_the_others(
    run: Run, make: Make
) -> None:
    async def cancel_the_first() -> GenerationResult:
        async with opened(make("answers")) as backend:
            first, second = (asyncio.create_task(answer(backend, HELLO)) for _ in range(2))
            await asyncio.sleep(0)
            first.cancel()
            return await second

    assert run(cancel_the_first()).text.startswith("from ")


def test_a_model_is_loaded_once_for_all_who_wait_for_it(run: Run, make: Make) -> None:
    requests = [ask("hello", model) for model in ("small", "other", "small", "other", "other")]

    async def ask_for_two_models() -> list[str]:
        async with opened(make("answers")) as backend:
            return [result.text for result in await answers(backend, requests)]

    small, *others = (text for i, text in enumerate(run(ask_for_two_models())) if i != 2)
    assert len(set(others)) == 1
    assert small not in others


@pytest.mark.parametrize("behaviour", ["progresses", "loads-for-ever"])
def test_closing_leaves_no_process_even_when_it_is_cancelled_at_once(
    run: Run, make: Make, behaviour: str, new_processes: Callable[[], list[psutil.Process]]
) -> None:
    async def close_and_cancel() -> None:
        backend = make(behaviour)
        await backend.open()
        task = asyncio.create_task(backend.generate(HELLO, ignore))
        await until(new_processes)
        closing = asyncio.create_task(backend.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        assert isinstance(await error_of(task), ParkBackendError)

    run(close_and_cancel())
    eventually(lambda: new_processes() == [], "the child to be gone")


def test_only_one_big_model_is_in_memory(run: Run, make: Make) -> None:
    async def load_two() -> tuple[str, GenerationResult, GenerationResult]:
        one, two = make("answers"), make("answers")
        async with opened(one, two):
            await answer(one, ask("hello", "big"))
            with pytest.raises(ParkBackendError) as caught:
                await answer(two, ask("hello", "big"))
            beside = await answer(two, ask("hello", "small"))
            await answer(one, ask("hello", "small"))
            return str(caught.value), beside, await answer(two, ask("hello", "big"))

    message, beside, in_turn = run(load_two())
    assert f"process {os.getpid()} with big" in message
    assert (beside.model, in_turn.model) == ("small", "big")


def test_at_rest_it_holds_neither_a_process_nor_the_lock_for_big_models(
    run: Run, make: Make, new_processes: Callable[[], list[psutil.Process]]
) -> None:
    async def rest_and_wake() -> tuple[list[psutil.Process], str]:
        one, two = make("answers"), make("answers")
        async with opened(one, two):
            await answer(one, ask("hello", "big"))
            await one.rest()
            left = new_processes()
            await answer(two, ask("hello", "big"))
            with pytest.raises(ParkBackendError, match="has a big model in memory"):
                await answer(one, ask("hello", "big"))
            await two.rest()
            return left, (await answer(one, ask("hello", "big"))).model

    assert run(rest_and_wake()) == ([], "big")


def test_a_model_that_loads_for_nobody_any_more_is_broken_off_at_rest(
    run: Run, make: Make, new_processes: Callable[[], list[psutil.Process]]
) -> None:
    async def rest_while_it_loads() -> list[psutil.Process]:
        async with opened(make("loads-for-ever")) as backend:
            task = asyncio.create_task(backend.generate(HELLO, ignore))
            await until(new_processes)
            task.cancel()
            await asyncio.wait([task])
            await asyncio.wait_for(backend.rest(), 30)
            return new_processes()

    assert run(rest_while_it_loads()) == []


def test_a_job_that_comes_while_a_big_model_leaves_gets_the_lock_for_good(
    run: Run, make: Make
) -> None:
    async def ask_meanwhile() -> None:
        one, two = make("answers"), make("answers")
        async with opened(one, two):
            await answer(one, ask("hello", "big"))
            resting = asyncio.create_task(one.rest())
            await asyncio.sleep(0)
            await answer(one, ask("hello", "big"))
            await resting
            with pytest.raises(ParkBackendError, match="has a big model in memory"):
                await answer(two, ask("hello", "big"))

    run(ask_meanwhile())


def test_a_rest_that_is_cancelled_keeps_no_lock(run: Run, make: Make) -> None:
    async def cancel_resting() -> str:
        one, two = make("answers"), make("answers")
        async with opened(one, two):
            await answer(one, ask("hello", "big"))
            resting = asyncio.create_task(one.rest())
            await asyncio.sleep(0)
            resting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await resting
            return (await answer(two, ask("hello", "big"))).model

    assert run(cancel_resting()) == "big"


def test_a_model_put_into_the_folder_later_is_found(run: Run, make: Make, models_dir: Path) -> None:
    async def ask_for_a_new_one() -> GenerationResult:
        async with opened(make("answers")) as backend:
            with pytest.raises(RefusedError, match="no model new"):
                await answer(backend, ask("hello", "new"))
            (models_dir / "other").rename(models_dir / "new")
            return await answer(backend, ask("hello", "new"))

    assert run(ask_for_a_new_one()).model == "new"


def test_a_fault_in_the_progress_function_goes_to_its_owner_alone(run: Run, make: Make) -> None:
    def fail(_tokens: int) -> None:
        raise LookupError("not here")

    async def fail_beside_another() -> bool:
        async with opened(make("progresses")) as backend:
            other = await begun(backend, HELLO)
            with pytest.raises(LookupError):
                await backend.generate(HELLO, fail)
            other.cancel()
            return other.done()

    assert not run(fail_beside_another())


def test_without_mlx_lm_it_does_not_open(
    run: Run, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ParkBackendError, match=r"install `nightmill\[mlx\]`"):
        run(make("answers").open())
