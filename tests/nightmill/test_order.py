"""Priority, limit and deadline, from the command line and from Python."""

import json
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.store.store import Store
from nightmill import Client
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import read_rows, write_rows

SUBMIT = ("submit", "in.jsonl", "-o", "out.jsonl", "--name", "night")


@pytest.fixture
def _rows(mill: Path) -> None:
    write_rows(mill / "in.jsonl", 3)


def told(command: Command) -> dict[str, object]:
    said: dict[str, object] = json.loads(command("status", "night", "--json").out)
    return said


@pytest.mark.usefixtures("_rows")
def test_what_is_said_of_the_order_is_kept_and_told(command: Command) -> None:
    order = ("--priority", "7", "--max-running", "2", "--deadline", "8h")
    assert command(*SUBMIT, *order).status == 0

    status = told(command)

    assert (status["priority"], status["max_running"]) == (7, 2)
    assert isinstance(status["deadline"], float)
    shown = command("status", "night").out
    assert "priority 7, at most 2 rows at once" in shown
    assert "deadline " in shown


@pytest.mark.usefixtures("_rows")
def test_the_same_command_with_another_order_is_the_same_run(command: Command) -> None:
    command(*SUBMIT, "--priority", "7", "--deadline", "8h")
    first = told(command)

    assert command(*SUBMIT, "--priority", "-3", "--max-running", "1").status == 0

    again = told(command)
    assert (again["id"], again["priority"], again["max_running"]) == (first["id"], -3, 1)
    assert again["deadline"] == first["deadline"]


@pytest.mark.usefixtures("_rows")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--deadline", "2020-01-01T07:00"), "`2020-01-01T07:00` has passed already"),
        (("--deadline", "tonight"), "expected a time from now (8h, 1h30m)"),
        (("--deadline", "25:00"), "there is no time of the day `25:00`"),
        (("--priority", "101"), ""),
        (("--max-running", "0"), ""),
    ],
)
def test_an_order_that_cannot_be_is_refused_and_nothing_is_stored(
    command: Command, mill: Path, words: tuple[str, str], why: str
) -> None:
    refused = command(*SUBMIT, *words)
    assert refused.status == 2
    assert why in refused.err
    assert not (mill / "data").exists()


@pytest.mark.usefixtures("_rows")
def test_an_edit_sets_a_deadline_and_takes_it_away(command: Command) -> None:
    command(*SUBMIT)
    assert command("edit", "night", "--deadline", "1h30m").status == 0
    assert told(command)["deadline"] is not None
    assert command("edit", "night", "--deadline", "none").status == 0
    assert told(command)["deadline"] is None
    assert command("edit", "night", "--deadline", "2020-01-01T07:00").status == 2


@pytest.mark.usefixtures("mill")
def test_a_program_may_say_the_order_too() -> None:
    with Client() as client:
        batch = client.submit(
            [{"prompt": "hi"}], model="fake", priority=3, max_running=1, deadline="2h"
        )
        status = client.status(batch)
    assert (status.priority, status.max_running) == (3, 1)
    assert status.deadline is not None


@pytest.mark.usefixtures("mill")
@pytest.mark.parametrize(
    ("option", "why"),
    [
        ({"priority": 101}, "from -100 to 100"),
        ({"max_running": 0}, "At least 1 row"),
        ({"deadline": "yesterday"}, "The deadline: expected"),
    ],
)
def test_a_program_is_told_what_cannot_be(option: dict[str, object], why: str) -> None:
    with Client() as client, pytest.raises(UsageError, match=why):
        client.submit([{"prompt": "hi"}], **option)  # type: ignore[arg-type]


@pytest.mark.usefixtures("_rows")
def test_a_batch_that_expires_while_it_is_waited_for_ends_with_what_was_done(
    command: Command, mill: Path
) -> None:
    command(*SUBMIT, "--model", "fake")
    store = Store.open(f"sqlite:///{mill / 'data' / 'nightmill.db'}")
    with store.write() as c:
        c.exec_driver_sql("UPDATE batches SET deadline = created_at - 1")
    store.close()

    waited = command("wait", "night")

    assert waited.status == 1
    assert "3 expired" in waited.err
    errors = [row["error"]["code"] for row in read_rows(mill / "out.jsonl")]
    assert errors == ["expired"] * 3
    assert command("run", "in.jsonl", "-o", "out.jsonl", "--model", "fake").status == 0
    assert told(command)["state"] == "completed"
