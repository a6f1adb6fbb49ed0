"""A run that is left alone: in the background, or after its terminal is gone."""

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from jobs.model import Counts
from nightmill.cli.onlooker import Onlooker
from nightmill.cli.progress import progress
from nightmill.cli.running import deliver_results
from nightmill.cli.signals import Signals
from nightmill.cli.terminal import Terminal
from nightmill.status import status_of
from tests.nightmill.conftest import Command, Start
from tests.nightmill.mill_process import (
    answered,
    ask,
    end_of,
    nightmill,
    read_rows,
    start_in_a_terminal,
    write_rows,
)
from tests.nightmill.printed import check_printed
from tests.nightmill.processes import marked
from tests.nightmill.samples import BATCH
from tests.waiting import eventually

#: Enough that a run is under way for seconds; the fake pool answers hundreds a second.
MANY = 4000
RUN = ("run", "in.jsonl", "-o", "out.jsonl")


def the_log(home: Path) -> Path:
    (log,) = (home / "data" / "logs").glob("run-b-*.log")
    return log


def test_a_detached_run_says_its_batch_at_once_and_delivers_by_itself(
    mill: Path, mark: str, command: Command
) -> None:
    write_rows(mill / "in.jsonl", MANY)

    begun = nightmill(*RUN, "--detach")

    assert begun.returncode == 0, begun.stderr
    batch = begun.stdout.strip()
    assert f"nightmill cancel {batch}" in begun.stderr

    waited = nightmill("wait", batch)

    assert waited.returncode == 0, waited.stderr
    assert waited.stdout == ""
    assert f"{MANY:,} rows answered" in waited.stderr
    assert len(read_rows(mill / "out.jsonl")) == MANY
    eventually(lambda: marked(mark) == [], "the background to end by itself")
    assert stat.S_IMODE(the_log(mill).stat().st_mode) == 0o600
    assert f"{MANY:,} rows answered" in the_log(mill).read_text()

    (mill / "out.jsonl").write_text("what its owner made of it")
    assert command("wait", batch).status == 0
    assert (mill / "out.jsonl").read_text() == "what its owner made of it"


def test_a_detached_run_without_output_ends_with_its_batch(
    mill: Path, mark: str, command: Command
) -> None:
    write_rows(mill / "in.jsonl", 10 * MANY)
    begun = nightmill("run", "in.jsonl", "--detach", "--json")
    told = json.loads(begun.stdout)
    assert begun.stdout.count("\n") == 1
    check_printed("run_detached", told)
    assert os.getsid(told["pid"]) == told["pid"]
    assert command("status", told["id"], "--json").json["state"] == "open"
    assert told["log"] == str(the_log(mill))

    assert command("cancel", told["id"]).status == 0

    eventually(lambda: marked(mark) == [], "the background to end")
    assert "cancelled" in the_log(mill).read_text()
    assert command("wait", told["id"]).status == 1


def test_what_keeps_a_detached_run_from_starting_is_said_at_once(
    mill: Path, mark: str, command: Command
) -> None:
    assert command("run", "missing.jsonl", "--detach").status == 2
    write_rows(mill / "in.jsonl", 1)
    with (mill / "nightmill.toml").open("a") as file:
        file.write('[broker]\nurl = "redis://127.0.0.1:1/0"\n')

    begun = nightmill(*RUN, "--detach")

    assert begun.returncode == 3
    assert "does not answer" in begun.stderr
    assert begun.stdout == ""
    assert marked(mark) == []


def test_a_run_whose_terminal_is_closed_goes_on_and_writes_to_its_log(
    mill: Path, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    write_rows(mill / "in.jsonl", MANY)
    process, terminal = start_in_a_terminal(*RUN)
    seen = b""
    while b"done" not in seen:
        seen += os.read(terminal, 1000)

    os.close(terminal)

    assert process.wait(60) == 0
    assert len(read_rows(mill / "out.jsonl")) == MANY
    log = the_log(mill)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert f"process {process.pid} goes on" in log.read_text()
    assert f"{MANY:,} rows answered" in log.read_text()
    assert "\x1b" not in log.read_text()
    assert marked(mark) == []


def test_a_hang_up_ends_neither_a_run_nor_what_it_has_started(
    mill: Path, mark: str, start: Start
) -> None:
    write_rows(mill / "in.jsonl", MANY)
    process = start("run", "in.jsonl")
    eventually(lambda: answered(mill), "the first answers")
    for found in marked(mark):
        found.send_signal(signal.SIGHUP)
    status, out, _ = end_of(process)

    assert status == 0
    assert ask(mill, "SELECT count(DISTINCT session) FROM attempts", default=0) == 1
    # Where standard output is no terminal, somebody still reads it.
    assert len(out.splitlines()) == MANY
    assert f"{MANY:,} rows answered" in the_log(mill).read_text()


def test_answers_for_a_terminal_that_is_gone_stay_in_the_store(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Gone(Terminal):
        took_stdout = True

    deliver_results(None, "b-1", None, Gone(), Path("/nowhere"))  # type: ignore[arg-type]  # no store is asked

    said = capsys.readouterr()
    assert said.out == ""
    assert "nightmill results b-1" in said.err


class Leading:
    """A stack that leads."""

    is_leader = True


def test_a_run_is_served_when_a_worker_was_found_for_it_and_not_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    served: list[str] = []
    with Signals() as signals, progress() as shown:
        user = Onlooker(Leading(), signals, shown, on_served=lambda: served.append("now"))  # type: ignore[arg-type]
        user.see(status_of(BATCH, Counts(pending=9, succeeded=1)))
        assert served == []
        for _ in range(2):
            user.see(status_of(BATCH, Counts(pending=8, dispatched=1, succeeded=1)))

    assert served == ["now"]
