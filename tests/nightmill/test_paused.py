"""A batch that fails too much: who says so, and what goes on."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jobs.store import batches, pauses
from jobs.store.store import Store
from nightmill import Client, PausedError, UsageError
from nightmill.cli.options import share
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import nightmill, write_rows
from tests.nightmill.processes import marked

RUN = ("run", "in.jsonl", "-o", "out.jsonl")
WHY = "70 of its last 100 rows failed, more than the 50 % allowed"


@pytest.fixture
def paused(mill: Path, command: Command) -> str:
    """A batch of three rows that is paused."""
    write_rows(mill / "in.jsonl", 3)
    batch = command("submit", "in.jsonl", "-o", "out.jsonl").out.strip()
    with closing(Store.open(f"sqlite:///{mill}/data/nightmill.db")) as store, store.write() as c:
        pauses.pause(c, batch, WHY)
    return batch


def test_a_run_that_only_fails_stops_by_itself_and_says_what_is_wrong(
    mill: Path, mark: str, command: Command
) -> None:
    write_rows(mill / "in.jsonl", 4000)
    batch = command("submit", "in.jsonl", "-o", "out.jsonl").out.strip()
    # By the time it runs, nobody has the model any more.
    with closing(sqlite3.connect(mill / "data" / "nightmill.db")) as store, store:
        store.execute("UPDATE requests SET body = replace(body, '\"fake\"', '\"gone\"')")

    stopped = nightmill(*RUN)

    assert stopped.returncode == 3, stopped.stderr
    assert "more than the 50 % allowed" in stopped.stderr
    assert "unknown_model: " in stopped.stderr
    assert "nightmill run in.jsonl -o out.jsonl" in stopped.stderr
    assert f"nightmill retry {batch}" in stopped.stderr
    assert marked(mark) == []
    status = command("status", batch, "--json").json
    assert status["paused_reason"] in stopped.stderr
    assert 100 <= status["counts"]["failed"] < 4000


def test_a_paused_batch_shows_its_reason_everywhere(command: Command, paused: str) -> None:
    assert command("status", paused, "--json").json["paused_reason"] == WHY
    assert f"paused: {WHY}" in command("status", paused).out
    assert f"({WHY})" in command("batches").out
    assert command("batches", "--json").json["batches"][0]["paused_reason"] == WHY


def test_waiting_for_a_paused_batch_ends_at_once_with_3(
    command: Command, paused: str, mill: Path
) -> None:
    waited = command("wait", paused)

    assert waited.status == 3
    assert WHY in waited.err
    assert f"nightmill resume {paused}" in waited.err
    with Client() as client, pytest.raises(PausedError, match="70 of its last 100 rows"):
        client.wait(paused)


def test_resume_lets_it_go_on(command: Command, paused: str) -> None:
    assert command("resume", paused, "--json").json == {
        "schema": 1,
        "id": paused,
        "resumed": True,
    }
    assert command("status", paused, "--json").json["paused_reason"] is None
    assert "is not paused" in command("resume", paused).err


def test_a_program_lets_it_go_on_and_says_how_much_may_fail(mill: Path, paused: str) -> None:
    with Client() as client:
        assert client.resume(paused)
        assert not client.resume(paused)
        assert client.wait(paused).succeeded == 3

        batch = client.submit([{"prompt": "one"}], max_failures=0.2)
        with pytest.raises(UsageError, match=r"a share from 0 to 1.*got 20"):
            client.submit([{"prompt": "one"}], max_failures=20)
    with closing(Store.open(f"sqlite:///{mill}/data/nightmill.db")) as store, store.read() as c:
        assert batches.get(c, batch).max_failures == pytest.approx(0.2)


def test_the_same_command_again_resumes_it_with_another_limit_if_asked(
    command: Command, paused: str, mill: Path
) -> None:
    again = command("submit", "in.jsonl", "-o", "out.jsonl", "--max-failures", "20%")

    assert again.out.strip() == paused
    with closing(Store.open(f"sqlite:///{mill}/data/nightmill.db")) as store, store.read() as c:
        batch = batches.get(c, paused)
    assert (batch.paused_reason, batch.max_failures) == (None, 0.2)


@pytest.mark.parametrize(
    ("text", "value"), [("0.2", 0.2), ("20%", 0.2), ("1", 1), ("100%", 1), (" 0 ", 0)]
)
def test_a_share_is_a_fraction_or_a_percentage(text: str, value: float) -> None:
    assert share(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["20", "-1%", "x", "20%%", "nan", "", "101%"])
def test_what_is_no_share_is_wrong_use(command: Command, mill: Path, text: str) -> None:
    ended = command("run", "in.jsonl", f"--max-failures={text}")

    assert ended.status == 2
    assert "such as 0.2 or 20%" in ended.err
