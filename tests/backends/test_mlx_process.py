"""The real child process: what happens to it and its jobs when something dies or hangs."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from backends.errors import CrashedError
from backends.mlx.front import MlxBackend
from jobs.model import GenerationResult
from tests.backends.asking import answer, answers, ask, begun, is_gone, until
from tests.backends.conftest import MakeMlx, Run
from tests.backends.faulty_child import FATAL_MAX_TOKENS
from tests.waiting import eventually

SHORT = ask("hello", "babbler", max_tokens=16)
LONG = ask("on and on", "babbler", max_tokens=4000)
FATAL = ask("hello", "babbler", max_tokens=FATAL_MAX_TOKENS)


def engine_pid(backend: MlxBackend) -> int:
    assert backend._keeper is not None
    assert backend._keeper.ready is not None
    assert backend._keeper.ready.pid is not None
    return backend._keeper.ready.pid


async def crash_of(task: "asyncio.Task[GenerationResult]") -> CrashedError:
    with pytest.raises(CrashedError) as caught:
        await asyncio.wait_for(task, 60)
    return caught.value


def test_a_killed_engine_is_replaced_and_its_job_knows(run: Run, mlx: MlxBackend) -> None:
    async def kill_then_ask() -> tuple[CrashedError, list[GenerationResult]]:
        before = await answer(mlx, SHORT)
        task = await begun(mlx, LONG)
        os.kill(engine_pid(mlx), signal.SIGKILL)
        return await crash_of(task), [before, await answer(mlx, SHORT)]

    crash, [before, after] = run(kill_then_ask())
    assert crash.alone
    assert "killed by SIGKILL" in str(crash)
    assert after == before


def test_an_engine_that_hangs_is_stopped(run: Run, mlx: MlxBackend) -> None:
    async def freeze_in_flight() -> tuple[CrashedError, int]:
        task = await begun(mlx, LONG)
        pid = engine_pid(mlx)
        os.kill(pid, signal.SIGSTOP)
        return await crash_of(task), pid

    crash, pid = run(freeze_in_flight())
    assert "no sign of life for 2 s" in str(crash)
    assert not psutil.pid_exists(pid)


def test_signals_to_everybody_leave_the_engine_to_its_parent(run: Run, mlx: MlxBackend) -> None:
    async def signal_in_flight() -> GenerationResult:
        task = await begun(mlx, ask("on and on", "babbler", max_tokens=600))
        os.kill(engine_pid(mlx), signal.SIGINT)
        os.kill(engine_pid(mlx), signal.SIGTERM)
        return await task

    assert run(signal_in_flight()).output_tokens == 600


def test_models_take_turns(run: Run, mlx: MlxBackend) -> None:
    models = ("babbler", "org/other", "org/other")
    results = run(answers(mlx, [ask("hello", model, max_tokens=8) for model in models]))
    assert [result.model for result in results] == list(models)
    assert results[0].text != results[1].text
    assert results[1].text == results[2].text


def test_a_failing_step_costs_the_rows_in_it_and_the_engine_only_if_it_fails_again(
    run: Run, make_mlx: MakeMlx, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("faulty_child.py")
    backend = make_mlx(command=(sys.executable, str(script)))

    async def fail_once_then_twice() -> tuple[list[CrashedError], list[int]]:
        await backend.open()
        both = [asyncio.create_task(answer(backend, request)) for request in (FATAL, LONG)]
        crashes = [await crash_of(task) for task in both]
        pids = [engine_pid(backend)]
        await answer(backend, SHORT)
        pids.append(engine_pid(backend))
        crashes += [await crash_of(asyncio.create_task(answer(backend, FATAL))) for _ in "12"]
        await until(lambda: backend._keeper is not None and backend._keeper.ready is None)
        return crashes, pids

    crashes, [before, after] = run(fail_once_then_twice())
    assert [crash.alone for crash in crashes] == [False, False, True, True]
    assert "a step that fails" in str(crashes[0])
    assert before == after
    run(backend.close())
    # All of this while a library printed into the standard output of the child.
    assert "a library's stray print" in (tmp_path / "log").read_text()


@pytest.fixture
def parent(models_dir: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that generates without end."""
    command = [sys.executable, "-m", "tests.backends.parent", str(models_dir), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_the_engine_ends_with_its_parent(parent: "subprocess.Popen[str]") -> None:
    assert parent.stdout is not None
    engine = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    eventually(lambda: is_gone(engine), "the engine to be gone", within_s=10)


def test_the_engine_has_no_network() -> None:
    code = (
        "import socket; from backends.mlx import child; child._prepare_process();"
        "socket.create_connection(('127.0.0.1', 9))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "PermissionError: the engine's process has no business on the network" in done.stderr
