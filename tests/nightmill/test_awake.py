"""The machine is held awake while there is work, and not a moment longer."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from jobs.store import hosts, rests
from jobs.store.hosts import Rest
from jobs.store.store import Store
from nightmill.embedded.awake import Awake, awake_command
from nightmill.embedded.lifeline import Lifeline
from nightmill.embedded.vigil import has_work
from tests.jobs.store.desk import Desk, line
from tests.jobs.store.test_hosts import STUDIO
from tests.nightmill.conftest import Start
from tests.nightmill.mill_process import kill_group, write_rows
from tests.nightmill.processes import marked
from tests.waiting import eventually

NIGHTLY = Rest(because="hours", until=4e9)
TOOLS = ("systemd-inhibit", "caffeinate")

#: Ends with its standard input, as the real one's command does, or with SIGTERM.
RECORDER = """#!/bin/sh
trap 'kill $!; echo ended >> "{record}"; exit' TERM
echo "began $*" >> "{record}"
exec 3<&0
cat <&3 &
wait
echo ended >> "{record}"
"""


@pytest.fixture
def record(tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What tools in the place of the real ones write down: when they began and ended."""
    record = tmp_path / "awake.txt"
    record.touch()
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        path = tmp_path / "bin" / tool
        path.write_text(RECORDER.format(record=record))
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return record


@pytest.fixture
def lifeline() -> Iterator[Lifeline]:
    lifeline = Lifeline()
    yield lifeline
    lifeline.cut()


def words(record: Path) -> list[str]:
    return [line.split()[0] for line in record.read_text().splitlines()]


def test_each_system_has_a_tool_that_ends_with_us() -> None:
    assert awake_command("darwin", 42) == ["caffeinate", "-i", "-w", "42"]
    assert awake_command("linux", 42)[:2] == ["systemd-inhibit", "--what=idle:sleep"]
    assert awake_command("sunos5", 42) == []


def test_it_is_held_while_there_is_work_and_let_go_when_there_is_none(
    record: Path,
    lifeline: Lifeline,
    tmp_path: Path,
    mark: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A shell takes its time where many tests run.
    monkeypatch.setattr("nightmill.embedded.awake.END_S", 60.0)
    awake = Awake(tmp_path / "awake.log", lifeline.fd)
    awake.hold(False)
    assert words(record) == []

    for _ in range(3):
        awake.hold(True)
    eventually(lambda: words(record) == ["began"], "the tool to begin")
    awake.hold(False)

    assert words(record) == ["began", "ended"]
    awake.hold(True)
    eventually(lambda: words(record) == ["began", "ended", "began"], "the tool to begin again")
    awake.end()
    assert marked(mark, "awake") == []


def test_a_tool_that_is_missing_or_fails_is_told_once_and_no_error(
    record: Path,
    lifeline: Lifeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    for tool in TOOLS:
        (tmp_path / "bin" / tool).write_text("#!/bin/sh\necho no such bus\nexit 1\n")
    awake = Awake(tmp_path / "awake.log", lifeline.fd)
    awake.hold(True)

    def told() -> int:
        awake.hold(True)
        return caplog.text.count("not held awake")

    eventually(told, "the failure to be noticed")
    assert told() == 1
    assert "no such bus" in caplog.text

    monkeypatch.setenv("PATH", "/nowhere")
    caplog.clear()
    missing = Awake(tmp_path / "awake.log", lifeline.fd)
    missing.hold(True)
    missing.end()
    assert "on the PATH" in caplog.text


def test_a_run_holds_it_and_lets_go_even_when_it_is_killed(
    record: Path, mill: Path, mark: str, start: Start
) -> None:
    write_rows(mill / "in.jsonl", 10_000)
    process = start("run", "in.jsonl", "-o", "out.jsonl")
    eventually(lambda: words(record) == ["began"], "the tool to begin")

    kill_group(process)

    eventually(lambda: words(record) == ["began", "ended"], "the tool to end")
    eventually(lambda: marked(mark) == [], "all to end")


def test_a_machine_whose_pools_rest_is_let_go(store: Store) -> None:
    desk = Desk(store)
    desk.batch()
    with store.write() as c:
        assert has_work(c, None)
        assert has_work(c, STUDIO.name)
        hosts.announce(c, msgspec.structs.replace(STUDIO, rest=NIGHTLY))
        assert not has_work(c, None)
        assert not has_work(c, STUDIO.name)


def test_a_machine_that_rests_beside_one_that_works_is_let_go_where_it_does_not_lead(
    store: Store,
) -> None:
    Desk(store).batch()
    with store.write() as c:
        hosts.announce(c, msgspec.structs.replace(STUDIO, rest=NIGHTLY))
        hosts.announce(c, msgspec.structs.replace(STUDIO, name="mlx@mini"))
        assert has_work(c, None)
        assert has_work(c, "mlx@mini")
        assert not has_work(c, STUDIO.name)


def test_a_batch_that_could_run_elsewhere_than_in_the_pool_that_rests_keeps_it_awake(
    store: Store,
) -> None:
    desk = Desk(store)
    desk.batch(line(1), line(2, pool="ollama"))
    with store.write() as c:
        rests.pause(c, "mlx", "filming")
        assert has_work(c, None)
        rests.pause(c, "ollama", "filming")
        assert not has_work(c, None)
