"""Whatever is killed, the batch ends with one row for each line and nothing done twice."""

import random
import signal
import subprocess
import threading
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.integration.mill import (
    OUT,
    SOME,
    TICKETS,
    Mill,
    assert_no_finished_row_was_generated_again,
    kill_group,
    read_rows,
    run_some_tickets,
    run_tickets,
)
from tests.waiting import eventually

#: Printed with a failure, so that the same moments can be tried again.
SEED = 20261121


def assert_all_done_once(mill: Mill, tickets: Path) -> None:
    rows = read_rows(mill.home / OUT)
    assert [row["custom_id"] for row in rows] == [row["custom_id"] for row in read_rows(tickets)]
    assert all(row["error"] is None for row in rows)
    assert_no_finished_row_was_generated_again(mill)
    assert mill.processes() == []


def is_over_or_has(mill: Mill, process: subprocess.Popen[str], answers: int) -> bool:
    return process.poll() is not None or mill.finished() >= answers


def kill_at_random_moments(mill: Mill, times: int, rng: random.Random) -> None:
    """Start the command and kill its group, again and again, at any point of its life."""
    for _ in range(times):
        process = mill.start(*run_tickets())
        if rng.random() < 0.3:
            # While it starts: processes are half up, the store may not be there yet.
            threading.Event().wait(rng.uniform(0.05, 4.0))
        else:
            goal = mill.finished() + rng.randrange(1, 60)
            eventually(partial(is_over_or_has, mill, process, goal), "answers")
        if process.poll() is None:
            kill_group(process)
        else:
            process.communicate()
        eventually(lambda: mill.processes() == [], "the children to follow their parent", 20)


def test_kill_9_of_everything_then_the_same_command_loses_and_repeats_nothing(mill: Mill) -> None:
    kill_at_random_moments(mill, 3, random.Random(SEED))

    assert mill.run(*run_tickets()).returncode == 0

    assert_all_done_once(mill, TICKETS)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_kill_9_of_everything_at_ten_random_moments(mill: Mill, seed: int) -> None:
    kill_at_random_moments(mill, 10, random.Random(SEED + seed))

    assert mill.run(*run_tickets()).returncode == 0

    assert_all_done_once(mill, TICKETS)


@pytest.mark.parametrize(
    "victim",
    [("redis-server",), ("nightmill", "worker"), ("backends.mlx.child",), ("embedded.keeper",)],
    ids=["broker", "worker", "engine", "keeper"],
)
def test_the_run_ends_by_itself_after_kill_9_of_the(mill: Mill, victim: tuple[str, ...]) -> None:
    process = mill.start(*run_some_tickets(mill))
    eventually(lambda: mill.finished() >= 20, "the first answers")
    found: psutil.Process = eventually(lambda: mill.find(*victim), f"a process {victim}")

    found.send_signal(signal.SIGKILL)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert_all_done_once(mill, mill.home / SOME)
