"""Whoever reads standard output may stop at any time, as `head` does."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.nightmill import mill_process
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import write_rows


def read_by_nobody(*args: str) -> tuple[int, str]:
    """Exit status and words of `nightmill ARGS` whose reader has left before the first byte."""
    reader, writer = os.pipe()
    os.close(reader)
    return ended(writer, *args)


def ended(stdout: int, *args: str) -> tuple[int, str]:
    try:
        done = subprocess.run(
            [*mill_process.NIGHTMILL, *args],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(stdout)
    return done.returncode, done.stderr


@pytest.fixture
def batch(mill: Path, command: Command) -> str:
    write_rows(mill / "in.jsonl", 3)
    return command("submit", "in.jsonl").out.strip()


@pytest.mark.parametrize(
    "args", [("status", "b-"), ("status", "b-", "--json"), ("batches",), ("errors", "b-")]
)
def test_a_command_whose_reader_has_left_ends_without_a_word(
    batch: str, args: tuple[str, ...]
) -> None:
    assert read_by_nobody(*args) == (141, "")


def test_a_run_whose_reader_has_left_is_in_the_store_and_its_results_can_be_read_again(
    batch: str, command: Command
) -> None:
    status, said = read_by_nobody("run", "in.jsonl")

    assert status == 141
    assert "Traceback" not in said
    assert "fault" not in said
    assert command("status", batch, "--json").json["state"] == "completed"
    assert read_by_nobody("results", batch) == (141, "")
    assert len(command("results", batch).out.splitlines()) == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_an_output_that_takes_nothing_more_is_told_in_a_sentence(batch: str) -> None:
    status, said = ended(os.open("/dev/full", os.O_WRONLY), "status", batch)

    assert (status, said.count("\n")) == (3, 1)
    assert "Standard output could not be written: No space left on device." in said
