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
    second = command("dispatch")
    assert second.status == 2
    assert f"Process {dispatcher.pid} leads already" in second.err

    worker.send_signal(signal.SIGTERM)
    dispatcher.send_signal(signal.SIGTERM)
    assert end_of(worker)[0] == 0
    assert end_of(dispatcher)[0] == 143
