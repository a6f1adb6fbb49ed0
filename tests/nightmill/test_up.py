"""`nightmill up`: everything this machine can do, until it is stopped."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.nightmill.conftest import Command, Start
from tests.nightmill.mill_process import answered, end_of, start_in_a_terminal, write_rows
from tests.nightmill.printed import check_printed
from tests.nightmill.processes import marked
from tests.waiting import eventually


def test_it_runs_what_is_submitted_and_another_one_takes_over(
    mill: Path, mark: str, start: Start, command: Command
) -> None:
    first = start("up", "--json", "--allow-sleep")
    assert first.stdout is not None
    told = json.loads(first.stdout.readline())
    check_printed("up", told)
    assert (told["schema"], told["state"], told["pid"]) == (1, "serving", first.pid)
    assert told["pools"][0] | {"pool": "fake", "slots": 8, "models": ["fake"]} == told["pools"][0]
    second = start("up")
    assert second.stderr is not None
    assert f"Process {first.pid} runs the services" in second.stderr.readline()

    write_rows(mill / "in.jsonl", 5)
    batch = command("submit", "in.jsonl", "-o", "out.jsonl").out.strip()
    waited = command("wait", batch)
    assert waited.status == 0, waited.err
    assert len(marked(mark, "nightmill worker")) == 1

    # There is no terminal to be closed: whoever sends this means something else.
    first.send_signal(signal.SIGHUP)
    write_rows(mill / "more.jsonl", 5)
    assert command("wait", command("submit", "more.jsonl").out.strip()).status == 0
    assert "awake" not in (mill / "data" / "logs" / "dispatcher.log").read_text()
    first.send_signal(signal.SIGTERM)
    assert end_of(first)[0] == 0
    assert "Serving" in second.stderr.readline()
    second.send_signal(signal.SIGINT)
    assert end_of(second)[0] == 130
    assert marked(mark) == []


def test_when_its_terminal_is_closed_it_runs_what_is_there_and_then_ends(
    mill: Path, mark: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    write_rows(mill / "in.jsonl", 1000)
    batch = command("submit", "in.jsonl").out.strip()
    process, terminal = start_in_a_terminal("up")
    eventually(lambda: answered(mill), "the first answers")

    os.close(terminal)

    # Longer than a lease: what a busy machine lost comes back by then.
    assert process.wait(150) == 0
    assert command("status", batch, "--json").json["state"] == "completed"
    assert marked(mark) == []
