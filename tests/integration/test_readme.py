"""Every command and program of the README does what the README says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.mill import ROOT, Mill

README = (ROOT / "README.md").read_text("utf-8")
PREFIX = "uv run nightmill "


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


@pytest.fixture
def checkout(mill: Mill) -> Path:
    """The home holds the examples, as a checkout does."""
    (mill.home / "examples").symlink_to(ROOT / "examples")
    return mill.home


def test_each_nightmill_command_ends_well_one_after_another(mill: Mill, checkout: Path) -> None:
    ours = [line.removeprefix(PREFIX) for line in commands() if line.startswith(PREFIX)]
    assert len(ours) >= 8

    for line in ours:
        done = mill.run(*shlex.split(line))
        assert done.returncode == 0, f"{line}\n{done.stderr}"

    assert (checkout / "labels.jsonl").exists()
    assert (checkout / "summaries.jsonl").exists()
    assert mill.processes() == []


def test_every_other_command_is_one_of_the_checks(mill: Mill) -> None:
    others = {line for line in commands() if not line.startswith(PREFIX)}

    assert others == {"uv run pytest", "uv run just check"}


def test_the_program_in_the_readme_runs(mill: Mill) -> None:
    (program,) = blocks("python")

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=mill.home,
        env=mill.env | {"PYTHONPATH": mill.python_path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert mill.processes() == []


def test_the_commands_shown_as_text_exist(mill: Mill) -> None:
    shown = re.findall(r"^nightmill (\w+)", "\n".join(blocks("text")), flags=re.MULTILINE)
    assert shown

    for name in sorted(set(shown)):
        assert mill.run(name, "--help").returncode == 0, name
