"""The two files of the README: prompts in, answers out, in an empty home with nothing installed."""

import json
import signal

from tests.integration.mill import (
    OUT,
    SOME_TICKETS,
    TICKETS,
    Mill,
    assert_no_finished_row_was_generated_again,
    read_rows,
    run_some_tickets,
    run_tickets,
)
from tests.waiting import eventually


def test_tickets_in_labels_out_with_nothing_left_running(mill: Mill) -> None:
    done = mill.run(*run_tickets())

    assert done.returncode == 0, done.stderr
    rows = read_rows(mill.home / OUT)
    tickets = read_rows(TICKETS)
    assert [row["custom_id"] for row in rows] == [ticket["custom_id"] for ticket in tickets]
    right = sum(json.loads(row["response"]) == row["expected"] for row in rows)
    assert right >= 0.95 * len(rows)
    assert "left this machine: nothing" in done.stderr
    assert done.stdout == ""
    assert mill.processes() == []


def test_the_same_command_again_says_that_all_is_done_and_generates_nothing(mill: Mill) -> None:
    assert mill.run(*run_some_tickets(mill)).returncode == 0
    before = (mill.home / OUT).read_bytes()

    again = mill.run(*run_some_tickets(mill))

    assert again.returncode == 0
    assert (mill.home / OUT).read_bytes() == before
    assert mill.ask("SELECT count(*) FROM attempts") == [(SOME_TICKETS,)]


def test_ctrl_c_says_how_to_go_on_and_the_same_command_goes_on(mill: Mill) -> None:
    process = mill.start(*run_some_tickets(mill))
    eventually(lambda: mill.finished() >= 20, "the first answers")

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "nightmill run" in err
    assert mill.processes() == []
    assert mill.run(*run_some_tickets(mill)).returncode == 0
    assert len(read_rows(mill.home / OUT)) == SOME_TICKETS
    assert_no_finished_row_was_generated_again(mill)


def test_a_second_run_at_the_same_time_shares_the_one_engine(mill: Mill) -> None:
    first = mill.start(*run_tickets())
    eventually(lambda: mill.find("backends.mlx.child"), "the engine")
    (mill.home / "more.jsonl").write_text('{"prompt": "My parcel is late."}\n')

    second = mill.start("run", "more.jsonl", "-o", "more-labels.jsonl")
    engines = 0

    def is_over() -> bool:
        nonlocal engines
        engines = max(engines, len(mill.find_all("backends.mlx.child")))
        return first.poll() is not None or second.poll() is not None

    eventually(is_over, "the end of one of them")
    second.communicate(timeout=60)
    first.communicate(timeout=60)

    assert (first.returncode, second.returncode) == (0, 0)
    assert engines == 1
    assert len(read_rows(mill.home / "more-labels.jsonl")) == 1


def test_the_second_run_takes_over_when_the_first_is_killed(mill: Mill) -> None:
    first = mill.start(*run_tickets())
    eventually(lambda: mill.finished() >= 1, "the first answer")
    (mill.home / "more.jsonl").write_text('{"prompt": "My parcel is late."}\n' * 3)
    second = mill.start("run", "more.jsonl", "-o", "more-labels.jsonl")

    first.kill()
    _, err = second.communicate(timeout=90)

    assert second.returncode == 0, err
    assert len(read_rows(mill.home / "more-labels.jsonl")) == 3
    assert mill.processes() == []


def test_sigterm_ends_it_cleanly(mill: Mill) -> None:
    process = mill.start(*run_tickets())
    eventually(lambda: mill.finished() >= 1, "the first answer")

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert process.returncode == 143
    assert mill.processes() == []
