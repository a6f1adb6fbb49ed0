"""A whole batch, by commands and real processes, against the double of an Ollama."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.ollama import faults
from tests.doubles.ollama.answering import ENDLESS
from tests.doubles.ollama.daemon import LLAMA, Daemon, running
from tests.doubles.ollama.models import Model
from tests.nightmill import mill_process
from tests.nightmill.conftest import Command
from tests.waiting import eventually

STUB = Model(
    name="private:latest", size=1, remote_model="big:120b", remote_host="https://ollama.com"
)
RUN = ("run", "in.jsonl", "-o", "out.jsonl")


@pytest.fixture
def daemon(home: Path) -> Iterator[Daemon]:
    with running(Daemon([LLAMA, STUB], parallel=4, tokens_per_s=1000)) as daemon:
        configure(home, daemon)
        yield daemon


def configure(home: Path, daemon: Daemon, more: str = "") -> None:
    pool = f"[pools.ollama]\nurl = '{daemon.url}'\nslots = 4\n"
    (home / "nightmill.toml").write_text(pool + more)


def write(prompts: list[str], **options: object) -> None:
    rows = ({"custom_id": prompt, "prompt": prompt, **options} for prompt in prompts)
    Path("in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def ends() -> dict[str, Any]:
    """By prompt: the answer, or the code of the error."""
    return {
        row["custom_id"]: row["error"]["code"] if row["error"] else row["response"]
        for row in mill_process.read_rows(Path("out.jsonl"))
    }


def test_a_batch_runs_and_what_goes_wrong_costs_its_own_row(home: Path, daemon: Daemon) -> None:
    configure(home, daemon, "[worker]\nmax_attempts = 1\n")
    daemon.faults.extend([faults.ends_without_done(), faults.html(), faults.error(500, "oh")])
    write([f"row {number}" for number in range(30)])

    done = mill_process.nightmill(*RUN)

    assert done.returncode == 1, done.stderr
    came = ends()
    assert sorted(end for end in came.values() if not end.startswith("row")) == [
        "backend_failed",
        "backend_failed",
        "incomplete",
    ]
    assert sum(came[prompt] == prompt for prompt in came) == 27
    assert daemon.record.loads == [LLAMA.name]
    assert daemon.record.most_running <= 4
    assert daemon.record.leaked == []


def test_a_daemon_that_dies_in_the_middle_and_returns_costs_nothing(
    home: Path, daemon: Daemon
) -> None:
    configure(home, daemon, "[worker]\nmax_attempts = 1\nmax_crashes = 1\n")
    prompts = [f"row {number}" for number in range(20)]
    write(prompts)
    daemon.faults.extend([faults.stalls_mid_stream()] * 4)
    process = mill_process.start(*RUN)
    try:
        eventually(lambda: not daemon.faults, "jobs that hang")
        daemon.die()
        given_back = "SELECT count(*) FROM attempts WHERE error_code IS NOT NULL"
        eventually(lambda: mill_process.ask(home, given_back, 0) >= 4, "jobs that are given back")
        daemon.come_back()
        status, _, said = mill_process.end_of(process)
    finally:
        process.kill()
    assert status == 0, said
    assert ends() == {prompt: prompt for prompt in prompts}


def test_a_breach_fails_its_job_and_ends_the_pool(home: Path, daemon: Daemon) -> None:
    daemon.faults.append(faults.answered_remotely(LLAMA.name))
    write([f"row {number}" for number in range(40)], max_tokens=4)

    done = mill_process.nightmill(*RUN)

    assert done.returncode == 3, done.stderr
    assert "the prompt left this machine" in done.stderr
    assert len(daemon.record.prompts) <= 8
    codes = mill_process.ask(
        home, "SELECT group_concat(DISTINCT error_code) FROM results WHERE state = 'failed'", ""
    )
    assert codes == "privacy"
    log = (home / "data" / "logs" / "worker-ollama.log").read_text()
    assert "CRITICAL" in log
    assert "row 1" not in log + done.stderr


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("private", "other machines run them: private:latest"),
        ("private:latest", "other machines run them: private:latest"),
        ("gpt-oss:120b-cloud", "gpt-oss:120b-cloud would run in Ollama's cloud"),
    ],
)
def test_a_model_that_other_machines_run_is_refused_by_name(
    home: Path, daemon: Daemon, command: Command, model: str, why: str
) -> None:
    configure(home, daemon)
    write(["the-code-word"])

    refused = command(*RUN, "--model", model)

    assert refused.status == 2
    assert why in refused.err
    assert daemon.record.bodies == []


def test_models_lists_what_runs_here_and_auto_takes_of_that(
    home: Path, daemon: Daemon, command: Command
) -> None:
    configure(home, daemon)
    listed = command("models", "--json").json

    assert [model["name"] for model in listed["pools"][0]["models"]] == [LLAMA.name]
    assert listed["auto"] == LLAMA.name


def test_several_ollamas_are_several_pools(home: Path, daemon: Daemon, command: Command) -> None:
    other = Model(name="qwen3:latest")
    with running(Daemon([other])) as second:
        configure(home, daemon, f"[pools.attic]\nbackend = 'ollama'\nurl = '{second.url}'\n")
        write(["one"])
        done = mill_process.nightmill(*RUN, "--model", "qwen3")
        assert done.returncode == 0, done.stderr
        assert second.record.prompts == ["one"]
        assert daemon.record.prompts == []


def test_a_run_that_is_stopped_leaves_the_daemon_idle(home: Path, daemon: Daemon) -> None:
    write([ENDLESS], max_tokens=30_000)
    process = mill_process.start(*RUN)
    try:
        eventually(lambda: daemon.record.running == 1, "a job that runs")
        process.terminate()
        process.terminate()
        mill_process.end_of(process)
    finally:
        process.kill()
    eventually(lambda: daemon.record.running == 0, "an idle daemon")
