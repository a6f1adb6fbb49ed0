"""Dispatcher and worker started by hand, as on a server, with a broker of one's own."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightmill.embedded.broker import EmbeddedBroker
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lifeline import Lifeline
from tests.nightmill.conftest import Command, Start
from tests.nightmill.mill_process import end_of, write_rows
from tests.nightmill.printed import check_printed
from tests.nightmill.processes import marked
from tests.waiting import eventually


@pytest.fixture
def server(mill: Path) -> Iterator[Path]:
    """A home whose configuration names a broker that runs already."""
    data_dir = DataDir(mill / "server")
    data_dir.prepare()
    lifeline = Lifeline()
    broker = EmbeddedBroker(data_dir, lifeline.fd)
    broker.start()
    with (mill / "nightmill.toml").open("a") as file:
        file.write(f'[broker]\nurl = "{broker.url}"\n')
    yield mill
    broker.stop()
    lifeline.cut()


def first_line(process: "subprocess.Popen[str]") -> dict[str, object]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.stderr.read() if process.stderr else ""
    return dict(json.loads(line))


def test_they_run_what_was_submitted_and_wait_starts_nothing(
    server: Path, mark: str, start: Start, command: Command
) -> None:
    dispatcher = start("dispatch", "--json")
    check_printed("dispatch", first_line(dispatcher))
    worker = start("worker", "fake", "--json")
    check_printed("worker", first_line(worker))
    write_rows(server / "in.jsonl", 20)
    batch = command("submit", "in.jsonl").out.strip()

    waited = command("wait", batch)

    assert waited.status == 0, waited.err
    assert len(command("results", batch).out.splitlines()) == 20
    assert len(marked(mark, "nightmill worker")) == 1
    worker.send_signal(signal.SIGTERM)
    dispatcher.send_signal(signal.SIGTERM)
    assert end_of(worker)[0] == 0
    assert end_of(dispatcher)[0] == 143


def test_a_second_dispatcher_stands_by_and_takes_over(
    server: Path, start: Start, command: Command
) -> None:
    leader = start("dispatch", "--json")
    assert first_line(leader)["state"] == "leading"
    standby = start("dispatch", "--json")
    told = first_line(standby)
    check_printed("dispatch", told)
    assert told["state"] == "standing by"
    assert f"process {leader.pid} leads" in str(told["reason"])

    leader.kill()

    assert first_line(standby)["state"] == "leading"


def test_one_of_another_data_directory_stands_by_as_on_another_machine(
    server: Path, start: Start, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (server / "nightmill.toml").open("a") as file:
        file.write(f'[store]\nurl = "sqlite:///{server}/data/nightmill.db"\n')
    leader = start("dispatch", "--json")
    assert first_line(leader)["state"] == "leading"
    monkeypatch.setenv("NIGHTMILL_DATA_DIR", str(server / "other"))
    standby = start("dispatch", "--json")
    assert "another machine leads" in str(first_line(standby)["reason"])

    leader.kill()

    assert first_line(standby)["state"] == "leading"
    # And it does what it says.
    worker = start("worker", "fake", "--json")
    first_line(worker)
    write_rows(server / "in.jsonl", 5)
    assert command("run", "in.jsonl", "-o", "out.jsonl").status == 0


def test_hosts_lists_the_workers_and_what_they_are(
    server: Path, start: Start, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No worker runs" in command("hosts").err
    monkeypatch.setenv("NIGHTMILL_WORKER__NAME", "studio")
    worker = start("worker", "fake", "--json")
    ready = first_line(worker)

    listed = command("hosts", "--json")

    check_printed("hosts", listed.json)
    [host] = listed.json["hosts"]
    assert (host["name"], host["state"], host["running"]) == ("fake@studio", "alive", 0)
    assert host["session"] == ready["session"]
    assert host["models"] == ["fake"]
    assert "fake@studio" in command("hosts").out


def test_a_second_worker_of_the_same_name_is_refused(
    server: Path, start: Start, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (server / "nightmill.toml").open("a") as file:
        file.write(f'[store]\nurl = "sqlite:///{server}/data/nightmill.db"\n')
    command("batches")
    worker = start("worker", "fake", "--json")
    first_line(worker)

    here = command("worker", "fake")
    monkeypatch.setenv("NIGHTMILL_DATA_DIR", str(server / "other"))
    elsewhere = command("worker", "fake")

    assert (here.status, elsewhere.status) == (2, 2)
    assert f"runs already (process {worker.pid})" in here.err
    assert "runs on another machine" in elsewhere.err
    assert "`worker.name`" in elsewhere.err
    assert worker.poll() is None


def test_the_leader_notices_by_its_lock_that_a_worker_of_the_machine_was_killed(
    server: Path, start: Start, command: Command
) -> None:
    first_line(start("dispatch", "--json"))
    worker = start("worker", "fake", "--json")
    first_line(worker)
    assert len(command("hosts", "--json").json["hosts"]) == 1

    worker.kill()

    # Without a look at the lock it would be listed, and its jobs be waited for.
    eventually(lambda: command("hosts", "--json").json["hosts"] == [], "its end to be noticed")
