"""What is said of a run that was known when its command was given again."""

from pathlib import Path

import pytest

from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import write_rows
from tests.nightmill.printed import check_printed

SUBMIT = ("submit", "in.jsonl", "-o", "out.jsonl")


@pytest.fixture
def night(mill: Path, command: Command) -> str:
    """A batch of three rows."""
    write_rows(mill / "in.jsonl", 3)
    return command(*SUBMIT, "--name", "night").out.strip()


def test_a_first_submit_finds_nothing(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 3)

    begun = command(*SUBMIT, "--deadline", "8h", "--json")

    check_printed("submit", begun.json)
    assert (begun.json["known"], begun.json["altered"], begun.json["name"]) == (
        *(False, {}),
        "in.jsonl",
    )
    assert "known as" not in command("submit", "in.jsonl").err


def test_how_far_a_known_run_is_and_what_came_to_it_is_told(
    command: Command, night: str, mill: Path
) -> None:
    command("cancel", "night", "--row", "r0")
    same = command(*SUBMIT)
    write_rows(mill / "in.jsonl", 5)
    more = command(*SUBMIT)

    known = f"known as {night} (night): 0 rows answered"
    assert f"{known}, 3 waiting; its input is the same\n" in same.err
    assert f"{known}, 5 waiting; 2 new, 3 as before\n" in more.err
    assert "changed:" not in more.err
    assert same.out.strip() == more.out.strip() == night


def test_another_name_is_taken_told_and_noted(command: Command, night: str) -> None:
    again = command(*SUBMIT, "--name", "noon")

    assert f"known as {night} (noon)" in again.err
    assert "changed: its name is noon now" in again.err
    assert "edit    name noon" in command("status", "noon", "--history").out


def test_a_name_of_another_batch_is_refused(command: Command, night: str, mill: Path) -> None:
    write_rows(mill / "other.jsonl", 1)
    command("submit", "other.jsonl", "--name", "noon")

    refused = command(*SUBMIT, "--name", "noon", "--priority", "3")

    assert refused.status == 2
    assert "answers to the name `noon` already" in refused.err
    assert command("status", night, "--json").json["priority"] == 0


@pytest.mark.parametrize("are_more", [False, True])
def test_what_a_known_run_is_given_anew_is_told_and_noted(
    command: Command, night: str, mill: Path, *, are_more: bool
) -> None:
    order = ("--priority", "5", "--max-running", "1", "--deadline", "8h", "--notify")
    if are_more:
        write_rows(mill / "in.jsonl", 4)

    again = command(*SUBMIT, *order)
    once_more = command(*SUBMIT, *order, "--json").json

    assert "changed: priority 5, at most 1 row at once, deadline " in again.err
    assert ", its owner is told of its end" in again.err
    assert (once_more["known"], once_more["altered"]) == (True, {})
    actions = command("status", night, "--history", "--json").json["history"]["actions"]
    (edit,) = [action for action in actions if action["verb"] == "edit"]
    deadline = command("status", night, "--json").json["deadline"]
    assert edit["detail"] == {
        "priority": 5,
        "max_running": 1,
        "deadline": pytest.approx(deadline, abs=30),
        "notify": "yes",
    }
    assert "@" in edit["who"]
