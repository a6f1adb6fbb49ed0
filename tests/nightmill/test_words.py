"""What people read: amounts, progress, summary."""

import io
import os

import pytest

from jobs.model import Counts
from jobs.states import JobState
from nightmill.cli import words
from nightmill.cli.progress import PlainLines, figures, progress
from nightmill.cli.summary import counts, spent, summary
from nightmill.cli.terminal import Terminal
from nightmill.report import Failure, Report, Share
from nightmill.status import Status, status_of
from tests.nightmill.samples import BATCH
from tests.waiting import eventually


def status(**in_state: int) -> Status:
    return status_of(BATCH, Counts(**in_state))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (25500, "7 h 05 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(("per_s", "text"), [(0.041, "0.041"), (7.31, "7.3"), (1239.6, "1,240")])
def test_rates_have_as_many_digits_as_tell_something(per_s: float, text: str) -> None:
    assert words.rate(per_s) == text


def test_counts_have_their_noun() -> None:
    assert [words.count(n, "row") for n in (0, 1, 1000)] == ["0 rows", "1 row", "1,000 rows"]


def test_progress_tells_done_failed_speed_and_time_left() -> None:
    assert figures(status(running=8, pending=72, succeeded=19, failed=1)) == (
        "20 of 100 done, 1 failed, 4.0 jobs/s, 120 tokens/s, 20 s left"
    )


def test_progress_tells_apart_how_rows_ended_without_an_answer() -> None:
    assert figures(status(pending=1, succeeded=1, failed=2, cancelled=3, expired=4)) == (
        "10 of 11 done, 2 failed, 3 cancelled, 4 expired"
    )


def test_a_batch_in_which_nothing_runs_has_no_speed() -> None:
    assert figures(status(pending=10)) == "0 of 10 done"
    assert status(pending=10).eta_s is None


def test_people_are_not_told_what_is_dispatched_and_what_pending() -> None:
    assert counts(status(succeeded=1, pending=2, dispatched=3, cut=1)) == (
        "1 row answered, 5 waiting, 1 cut at max_tokens"
    )


def test_off_a_terminal_progress_is_a_line_now_and_then() -> None:
    stream = io.StringIO()
    with progress(stream) as shown:
        shown.show(status(running=1))
    assert stream.getvalue() == ""

    PlainLines(stream, every_s=0).show(status(running=1, succeeded=1))
    assert stream.getvalue().startswith("1 of 2 done")


def test_on_a_terminal_progress_is_a_bar_with_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    seen_fd, terminal_fd = os.openpty()

    seen = b""
    with open(terminal_fd, "w") as terminal, progress(terminal) as shown:  # noqa: PTH123
        shown.show(status(running=1, succeeded=1))
        while b"1 of 2 done" not in seen:
            seen += os.read(seen_fd, 10_000)
    os.close(seen_fd)

    assert "━" in seen.decode()


def test_a_terminal_that_goes_away_without_a_word_is_noticed_and_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    ours, its = os.openpty()
    terminal = Terminal()

    with open(its, "w") as stream, progress(stream, terminal) as shown:  # noqa: PTH123
        os.close(ours)

        def is_left() -> bool:
            shown.show(status(running=1, succeeded=1))
            return terminal.is_gone

        eventually(is_left, "the loss to be noticed")


def test_the_summary_groups_failures_and_names_the_next_command() -> None:
    report = Report(
        failures=(
            Failure(code="incomplete", rows=2, first_line=7, message="The answer broke off."),
        ),
        shares=(Share(host="mlx@studio", model="demo", rows=98),),
    )

    ended = status(succeeded=98, failed=2, input_tokens=1200, output_tokens=800)

    said = summary(ended, report, spent(status(pending=100), ended, 61))

    assert said == [
        "98 rows answered, 2 failed",
        "  incomplete: 2 rows, first in line 7: The answer broke off.",
        "    Run it again with `nightmill retry b-1`.",
        "1,200 tokens in, 800 out, in 1 min 01 s",
        "by demo on mlx@studio: 98 rows",
        "left this machine: nothing",
    ]


def test_tokens_of_earlier_runs_do_not_stand_beside_the_seconds_of_the_last() -> None:
    before = status(succeeded=1, pending=1, input_tokens=1000, output_tokens=600)
    after = status(succeeded=2, input_tokens=1200, output_tokens=800)
    report = Report(failures=(), shares=())

    resumed = summary(after, report, spent(before, after, 5))
    nothing_to_do = summary(after, report, spent(after, after, 0.1))

    assert resumed[1:3] == [
        "200 tokens in, 200 out, in 5 s",
        "1,200 tokens in, 800 out, in all runs of this batch",
    ]
    assert nothing_to_do[1:2] == ["1,200 tokens in, 800 out, in all runs of this batch"]


def test_counts_by_state_add_up() -> None:
    found = status(pending=1, running=2, succeeded=3, failed=4, cancelled=5)

    assert found.total == 15
    assert found.finished == 12
    assert found.unsuccessful == 9
    assert found.counts[JobState.RUNNING] == 2
