"""A whole batch, by commands and real processes, against a server that misbehaves."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.mlx_server import mlx_server
from tests.doubles.openai_server import (
    MODEL,
    OpenAiDouble,
    chunk,
    error,
    events,
    half,
    hang,
    hang_after_a_token,
    hang_up,
    status,
)
from tests.nightmill import mill_process
from tests.waiting import eventually

DEMO = Path(__file__).parents[2] / "backends" / "mlx" / "demo"


@pytest.fixture
def double() -> Iterator[OpenAiDouble]:
    with OpenAiDouble() as double:
        yield double


def configure(home: Path, url: str, more: str = "") -> None:
    (home / "nightmill.toml").write_text(f"[pools.openai]\nurl = '{url}'\n{more}")


def write(path: Path, prompts: list[str]) -> None:
    lines = [json.dumps({"custom_id": prompt, "prompt": prompt}) for prompt in prompts]
    path.write_text("".join(f"{line}\n" for line in lines))


def ends(path: Path) -> dict[str, Any]:
    """By prompt: the answer, or the code of the error."""
    return {
        row["custom_id"]: row["error"]["code"] if row["error"] else row["response"]
        for row in mill_process.read_rows(path)
    }


def test_each_fault_costs_its_own_row_and_no_other(home: Path, double: OpenAiDouble) -> None:
    configure(home, double.url, "first_token_s = 1\n[worker]\nmax_attempts = 2\n")
    html = status(200, b"<html>", "text/html")
    too_long = error(400, code="context_length_exceeded", message="the prompt is SECRET")
    lasting = {
        "html": ([html] * 2, "backend_failed"),
        "garbage": ([status(200, b"\xff")] * 2, "backend_failed"),
        "half": ([half] * 2, "incomplete"),
        "hangs": ([hang] * 2, "timed_out"),
        "closes": ([hang_up] * 2, "backend_failed"),
        "long": ([too_long], "prompt_too_long"),
        "filtered": ([events(chunk({}, "content_filter"), "[DONE]")], "refused"),
    }
    passing = {
        "busy": [status(429, retry_after="0"), status(503, retry_after="0")],
        "once": [half],
    }
    double.faults = {prompt: faults for prompt, (faults, _) in lasting.items()} | passing
    good = [f"row {i}" for i in range(30)]
    write(home / "in.jsonl", [*good[:15], *lasting, *passing, *good[15:]])
    done = mill_process.nightmill("run", "in.jsonl", "-o", "out.jsonl", within_s=120)
    assert done.returncode == 1, done.stderr
    assert "SECRET" not in (home / "out.jsonl").read_text() + done.stderr
    expected = {prompt: code for prompt, (_, code) in lasting.items()}
    assert ends(home / "out.jsonl") == expected | {each: f"{each} " for each in [*good, *passing]}


def test_a_server_that_dies_in_the_middle_and_returns_costs_nothing(
    home: Path, double: OpenAiDouble
) -> None:
    configure(home, double.url, "[worker]\nmax_attempts = 1\nmax_crashes = 1\n")
    prompts = [f"row {i}" for i in range(20)]
    double.faults = {prompt: [hang_after_a_token] for prompt in prompts[4:8]}
    write(home / "in.jsonl", prompts)
    process = mill_process.start("run", "in.jsonl", "-o", "out.jsonl")
    try:
        eventually(lambda: double.in_flight == 4, "jobs that hang")
        double.die()
        given_back = "SELECT count(*) FROM attempts WHERE error_code IS NOT NULL"
        eventually(lambda: mill_process.ask(home, given_back, 0) >= 4, "jobs that are given back")
        double.start()
        status, _, said = mill_process.end_of(process)
    finally:
        process.kill()
    assert status == 0, said
    assert ends(home / "out.jsonl") == {prompt: f"{prompt} " for prompt in prompts}


#: As `nightmill`, but looking often, at the port of a double.
LOOKING = """
import nightmill.discovery, nightmill.setup
from nightmill.embedded import lookout
from nightmill.cli import main
def look(settings):
    return nightmill.discovery.find_servers(settings, 1, (PORT,))
nightmill.setup.find_servers = lookout.find_servers = look
lookout.LOOK_EVERY_S = 0.1
main()
"""


def look_at(double: OpenAiDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands of this test look for servers, and find this one if it is there."""
    double.models = [{"id": MODEL, "object": "model", "created": 1, "owned_by": "llamacpp"}]
    monkeypatch.delenv("NIGHTMILL_DISCOVER")
    program = LOOKING.replace("PORT", str(double.port))
    monkeypatch.setattr(mill_process, "NIGHTMILL", [sys.executable, "-P", "-c", program])


def test_a_server_that_was_found_serves_the_workers_too(
    home: Path, double: OpenAiDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / "in.jsonl", ["one", "two"])
    look_at(double, monkeypatch)
    done = mill_process.nightmill("run", "in.jsonl", "-o", "out.jsonl", "--model", MODEL)
    assert done.returncode == 0, done.stderr
    assert f"{MODEL} (size unknown, pool openai" in done.stderr
    assert f"pool openai is the server found at {double.url}" in done.stderr
    assert ends(home / "out.jsonl") == {"one": "one ", "two": "two "}


def test_a_server_that_comes_up_later_is_served_and_what_waits_for_it_goes_on(
    home: Path, double: OpenAiDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at(double, monkeypatch)
    write(home / "in.jsonl", ["one", "two"])
    submit = ("submit", "in.jsonl", "-o", "out.jsonl", "--model", MODEL)
    batch = mill_process.nightmill(*submit).stdout.strip()
    double.die()
    up = mill_process.start("up", "--allow-sleep")
    try:
        assert up.stderr is not None
        told = [up.stderr.readline() for _ in range(3)]
        assert "openai" not in "".join(told)
        double.start()
        waited = mill_process.nightmill("wait", batch)
        told += [up.stderr.readline() for _ in range(3)]
    finally:
        up.terminate()
        mill_process.end_of(up)
    assert waited.returncode == 0, waited.stderr
    assert ends(home / "out.jsonl") == {"one": "one ", "two": "two "}
    assert f"pool openai, 4 slots: {MODEL}" in told[-1]


def test_a_batch_whose_pool_is_gone_is_not_waited_for(home: Path, double: OpenAiDouble) -> None:
    configure(home, double.url)
    write(home / "in.jsonl", ["one"])
    batch = mill_process.nightmill("submit", "in.jsonl", "-o", "out.jsonl").stdout.strip()
    (home / "nightmill.toml").write_text(mill_process.FAKE_POOL)
    done = mill_process.nightmill("wait", batch)
    assert (done.returncode, "waits for pool openai" in done.stderr) == (3, True)


def test_a_real_server_labels_the_tickets(home: Path) -> None:
    with mlx_server(DEMO, home / "hub") as url:
        configure(home, url)
        tickets = Path(__file__).parents[2] / "examples" / "tickets.jsonl"
        lines = tickets.read_text().splitlines()[:24]
        (home / "in.jsonl").write_text("".join(f"{line}\n" for line in lines))
        done = mill_process.nightmill("run", "in.jsonl", "-o", "out.jsonl", within_s=120)
    assert done.returncode == 0, done.stderr
    answers = [row["response"] for row in mill_process.read_rows(home / "out.jsonl")]
    assert len(answers) == 24
    assert all(json.loads(answer).keys() == {"topic", "urgency"} for answer in answers)


def test_rows_of_a_pool_that_is_gone_run_in_another_when_retried_there(
    home: Path, double: OpenAiDouble
) -> None:
    configure(home, double.url, "[pools.fake]\n")
    double.faults = {"one": [error(400)], "two": [error(400)]}
    write(home / "in.jsonl", ["one", "two"])
    failed = mill_process.nightmill("run", "in.jsonl", "-o", "out.jsonl", "--model", MODEL)
    assert failed.returncode == 1, failed.stderr
    (home / "nightmill.toml").write_text("[pools.fake]\n")

    retried = mill_process.nightmill("retry", "in.jsonl", "--model", "fake")
    waited = mill_process.nightmill("wait", "in.jsonl")

    assert (retried.returncode, waited.returncode) == (0, 0), waited.stderr
    assert ends(home / "out.jsonl") == {"one": "one", "two": "two"}
