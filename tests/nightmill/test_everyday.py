"""The commands of every day: why rows failed, again with another model, what there is, away."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from jobs.states import JobState
from jobs.store import hosts
from jobs.store.store import Store
from tests.jobs.store.desk import Desk, outcome
from tests.jobs.store.test_hosts import STUDIO
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import write_rows

TWO_POOLS = '[pools.fake]\nbackend = "fake"\n[pools.null]\nbackend = "null"\n'


@pytest.fixture
def batch(mill: Path, command: Command) -> str:
    """A batch named night of four rows and a line that is none."""
    (mill / "nightmill.toml").write_text(TWO_POOLS)
    write_rows(mill / "in.jsonl", 4)
    with (mill / "in.jsonl").open("a") as file:
        file.write("SECRET that is no JSON\n")
    return command("submit", "in.jsonl", "-o", "out.jsonl", "--name", "night").out.strip()


@pytest.fixture
def desk(mill: Path, batch: str) -> Iterator[Desk]:
    """The store behind the commands, in which the first two rows have failed by now."""
    store = Store.open(f"sqlite:///{mill / 'data' / 'nightmill.db'}")
    desk = Desk(store)
    answer(desk, "fake", JobState.FAILED, JobState.FAILED)
    yield desk
    store.close()


def answer(desk: Desk, pool: str, *states: JobState) -> None:
    """As many rows of a pool as there are states end in them."""
    jobs = desk.claim(desk.dispatch(len(states), pool))
    for job, state in zip(jobs, states, strict=True):
        desk.record(outcome(job, state, pool=pool))


def test_errors_are_grouped_with_their_lines_and_the_way_out_while_the_batch_runs(
    command: Command, desk: Desk, batch: str
) -> None:
    told = command("errors", "night").out
    found = command("errors", "night", "--limit", "2", "--json").json

    ended = "3 of 5 rows ended without an answer: 3 failed"
    assert told.startswith(f"night: {ended}  ({batch})\n  refused: 2 rows, lines 1, 2\n")
    assert "line 5  -   invalid_json" in told
    assert "SECRET" not in told
    assert (found["failed"], found["total"]) == (3, 5)
    assert [(code["code"], code["lines"]) for code in found["codes"]] == [
        ("refused", [1, 2]),
        ("invalid_json", [5]),
    ]
    assert [row["custom_id"] for row in found["rows"]] == ["r0", "r1"]
    assert "BATCH" not in told


def test_what_was_cancelled_or_expired_counts_alike_wherever_it_is_counted(
    command: Command, desk: Desk, batch: str
) -> None:
    command("cancel", "night", "--row", "r2")
    desk.do("UPDATE batches SET deadline = created_at - 1")

    waited = command("wait", "night")

    how = "3 failed, 1 cancelled, 1 expired"
    assert waited.status == 1
    assert f"0 rows answered, {how}\n" in waited.err
    assert "expired: 1 row, first in line 4: The batch's deadline passed first." in waited.err
    errors = command("errors", "night")
    assert errors.out.startswith(f"night: 5 of 5 rows ended without an answer: {how}  ({batch})")
    assert "  cancelled: 1 row, line 3\n" in errors.out
    assert command("batches").out.splitlines()[1].split()[1:4] == ["expired", "5/5", "5"]
    found = command("errors", "night", "--limit", "4", "--json").json
    told = command("status", "night", "--json").json
    (listed,) = command("batches", "--json").json["batches"]
    assert [code["code"] for code in found["codes"]] == [code["code"] for code in told["failures"]]
    assert [row["line"] for row in found["rows"]] == [1, 2, 3, 4]
    for each in (found, told, listed):
        assert (each["total"], each["unsuccessful"], each["counts"]["failed"]) == (5, 5, 3)
    assert told["finished"] == listed["finished"] == 5


def test_a_list_of_errors_that_is_cut_short_says_so(command: Command, desk: Desk) -> None:
    assert "and 2 more; --limit" in command("errors", "night", "--limit", "1").out
    assert "more" not in command("errors", "night", "--limit", "0").out


def test_retry_lets_another_model_do_what_failed(command: Command, desk: Desk, batch: str) -> None:
    done = command("retry", "night", "--model", "null", "--json").json

    assert done == {"schema": 1, "id": batch, "retried": 2, "unreadable": 1, "model": "null"}
    answer(desk, "null", JobState.SUCCEEDED, JobState.SUCCEEDED)
    assert desk.states(batch)[1] == "succeeded"
    assert "SECRET" not in command("retry", "night").err


def test_the_status_names_the_model_of_what_is_unfinished(
    command: Command, desk: Desk, batch: str
) -> None:
    of_both = "model fake, null, pool fake, null"
    assert "model fake, pool fake" in command("status", "night").out

    command("retry", "night", "--model", "null")

    assert of_both in command("status", "night").out
    assert command("status", "night", "--json").json["models"] == ["fake", "null"]
    answer(desk, "fake", JobState.SUCCEEDED, JobState.SUCCEEDED)
    assert "model null, pool null" in command("status", "night").out
    answer(desk, "null", JobState.SUCCEEDED, JobState.SUCCEEDED)
    desk.finalize()
    told = command("status", "night", "--json").json
    assert (told["models"], told["model"]) == ([], "fake")


def test_rows_that_another_model_answered_keep_that_when_their_command_is_given_again(
    command: Command, desk: Desk, batch: str, mill: Path
) -> None:
    command("retry", "night", "--model", "null")
    answer(desk, "null", JobState.SUCCEEDED, JobState.SUCCEEDED)
    again = ("submit", "in.jsonl", "-o", "out.jsonl", "--json")

    as_it_was = command(*again).json
    with (mill / "in.jsonl").open("a") as file:
        file.write('{"prompt": "one more"}\n')
    with_a_row_more = command(*again).json

    assert (as_it_was["id"], as_it_was["changed"], as_it_was["new"]) == (batch, 0, 0)
    assert (with_a_row_more["id"], with_a_row_more["changed"]) == (batch, 0)
    states = desk.states(batch)
    assert [states[1], states[2], states[6]] == ["succeeded", "succeeded", "pending"]


def test_retry_with_a_model_that_nobody_has_changes_nothing(
    command: Command, desk: Desk, batch: str
) -> None:
    refused = command("retry", "night", "--model", "nope")

    assert refused.status == 2
    assert "No pool has the model nope" in refused.err
    assert desk.states(batch)[1] == "failed"


def test_batches_are_a_table_with_ids_that_can_be_typed(
    command: Command, desk: Desk, batch: str, mill: Path
) -> None:
    write_rows(mill / "next.jsonl", 1)
    newer = command("submit", "next.jsonl").out.strip()

    heading, first, second = command("batches").out.splitlines()

    columns = ["id", "state", "done", "no", "answer", "age", "name", "output"]
    assert heading.split() == columns
    assert second.split()[1:4] == ["open", "3/5", "3"]
    assert second.endswith(str(mill / "out.jsonl"))
    for row, full in ((first, newer), (second, batch)):
        short = row.split()[0]
        assert len(short) < len(full)
        assert command("status", short, "--json").json["id"] == full
    assert len(command("batches", "--limit", "1").out.splitlines()) == 2
    assert len(command("batches", "--limit", "1", "--all").out.splitlines()) == 3


def test_where_there_are_no_batches_that_is_said(command: Command, mill: Path) -> None:
    assert command("batches").err == "There are no batches yet.\n"
    assert command("batches", "--json").json == {"schema": 1, "batches": []}


def test_models_tell_who_serves_them_and_what_runs_now(
    command: Command, desk: Desk, batch: str
) -> None:
    host = msgspec.structs.replace(STUDIO, name="fake@studio", pool="fake")
    with desk.store.write() as c:
        hosts.announce(c, host)
    desk.claim(desk.dispatch(1, "fake"))

    found = command("models", "--json").json
    by_pool = {pool["pool"]: pool for pool in found["pools"]}

    assert by_pool["fake"]["hosts"] == ["fake@studio"]
    assert (
        by_pool["fake"]["models"][0] | {"loaded": True, "fits": "unknown"}
        == (by_pool["fake"]["models"][0])
    )
    assert not by_pool["null"]["models"][0]["loaded"]
    assert "served by fake@studio" in command("models").out


def test_a_deleted_batch_is_gone_and_its_results_file_stays(
    command: Command, desk: Desk, batch: str, mill: Path
) -> None:
    command("results", "night", "-o", "out.jsonl")
    before = (mill / "out.jsonl").read_bytes()
    logs = [mill / "data" / "logs" / f"run-{batch}{end}" for end in (".log", ".log.1")]
    for log in logs:
        log.write_text("SECRET")

    gone = command("delete", "night", "--yes", "--json").json

    assert gone == {
        "schema": 1,
        "id": batch,
        "rows": 5,
        "not_cleaned": None,
        "is_log_empty": True,
        "copies": [],
    }
    assert command("status", batch).status == 2
    assert not any(log.exists() for log in logs)
    assert (mill / "out.jsonl").read_bytes() == before
    everything = [path.read_bytes() for path in (mill / "data").rglob("*") if path.is_file()]
    assert not any(b"SECRET" in content or b"row 1" in content for content in everything)


def test_while_another_batch_is_unfinished_the_file_is_left_for_later(
    command: Command, desk: Desk, batch: str, mill: Path
) -> None:
    write_rows(mill / "other.jsonl", 1)
    other = command("submit", "other.jsonl").out.strip()

    gone = command("delete", "night", "--yes")

    assert gone.status == 0
    assert f"once no other batch is unfinished, `nightmill delete {batch}` removes" in gone.err
    command("cancel", other)
    again = command("delete", batch, "--yes", "--json").json
    assert (again["rows"], again["not_cleaned"]) == (0, None)
    assert b"SECRET" not in (mill / "data" / "nightmill.db").read_bytes()


def test_without_a_terminal_a_deletion_must_be_said_yes_to(
    command: Command, desk: Desk, batch: str
) -> None:
    refused = command("delete", "night")

    assert refused.status == 2
    assert "--yes" in refused.err
    assert command("status", batch).status == 0


@pytest.mark.parametrize(("said", "status"), [("n", 2), ("y", 0)])
def test_at_a_terminal_it_asks(
    command: Command, desk: Desk, monkeypatch: pytest.MonkeyPatch, said: str, status: int
) -> None:
    ours, terminal = os.openpty()
    os.write(ours, f"{said}\n".encode())
    with open(terminal) as stdin:  # noqa: PTH123  (a descriptor)
        monkeypatch.setattr("sys.stdin", stdin)
        ended = command("delete", "night")
    os.close(ours)

    assert ended.status == status
    assert "for good, with its 5 rows?" in ended.err
    is_gone = command("status", "night").status == 2
    assert is_gone is (status == 0)


def test_rows_that_run_keep_a_batch_from_being_deleted_unless_it_is_forced(
    command: Command, desk: Desk, batch: str
) -> None:
    desk.claim(desk.dispatch(1, "fake"))

    assert command("delete", "night", "--yes").status == 2
    assert command("delete", "night", "--yes", "--force").status == 0


def test_a_copy_of_the_store_that_still_has_it_is_named(
    command: Command, desk: Desk, batch: str, mill: Path
) -> None:
    copy = mill / "data" / "nightmill.db.before-0002"
    copy.write_bytes(b"")

    assert str(copy) in command("delete", "night", "--yes").err
