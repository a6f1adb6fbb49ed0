"""Long commands are stopped between two pages."""

import os
import signal

import pytest

from nightmill.cli.signals import InterruptedByUser
from nightmill.cli.stopping import stoppable


def work_on_two_pages(signal_between: int | None) -> None:
    with stoppable("The rest waits.") as check:
        check(100)
        if signal_between is not None:
            os.kill(os.getpid(), signal_between)
        check(200)


def test_whoever_stops_a_command_reads_what_becomes_of_the_rest(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InterruptedByUser):
        work_on_two_pages(signal.SIGINT)

    assert capfd.readouterr().err == "The rest waits.\n"


def test_a_command_that_comes_to_its_end_says_nothing_of_that(
    capfd: pytest.CaptureFixture[str],
) -> None:
    work_on_two_pages(None)

    assert capfd.readouterr().err == ""
