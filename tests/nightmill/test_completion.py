"""What the Tab key offers, asked as shells ask."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import NIGHTMILL, write_rows
from tests.nightmill.test_imports import heavy_after


@pytest.fixture
def batch(mill: Path, command: Command) -> str:
    with (mill / "nightmill.toml").open("a") as file:
        file.write('[aliases]\nquick = "fake"\n')
    write_rows(mill / "in.jsonl", 1)
    return command("submit", "in.jsonl", "--name", "night").out.strip()


def offered(*words: str, shell: str = "bash", **environ: str) -> list[str]:
    """What a shell that is given to complete these words, the last one too, is told."""
    line = " ".join(["nightmill", *words])
    asked = {
        "_NIGHTMILL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        NIGHTMILL,
        env={**os.environ, **asked, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return [word for word in done.stdout.splitlines() if word]


def test_a_batch_is_offered_by_name_and_id(batch: str) -> None:
    assert offered("wait", "") == ["night", batch]
    assert offered("errors", "b-") == [batch]
    assert offered("retry", "ni") == ["night"]


def test_models_are_offered_with_aliases_and_auto(batch: str) -> None:
    assert offered("run", "in.jsonl", "--model", "") == ["auto", "quick", "fake"]
    assert offered("retry", "night", "--model", "f") == ["fake"]


def test_commands_options_and_pools_are_offered(batch: str) -> None:
    assert offered("er") == ["errors"]
    assert offered("delete", "--y") == ["--yes"]
    assert offered("worker", "") == ["fake"]


def test_tunnels_are_offered(mill: Path) -> None:
    (mill / "mine.toml").write_text(
        '[tunnel.home]\nservers = ["s"]\nlocal = [{listen = "127.0.0.1:1", to = "127.0.0.1:6379"}]'
    )
    assert offered("tunnel", "status", "--config", "mine.toml", "") == ["home"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_what_a_batch_is(batch: str, shell: str) -> None:
    said = "\n".join(offered("wait", "ni", shell=shell))

    assert "night" in said
    assert "open" in said


def test_the_configuration_that_the_line_names_is_used(batch: str, mill: Path) -> None:
    (mill / "other.toml").write_text('[pools.null]\nbackend = "null"\n')

    assert offered("run", "--config", "other.toml", "--model", "n") == ["null"]


def test_whatever_goes_wrong_nothing_is_offered_and_nothing_said(batch: str, mill: Path) -> None:
    assert offered("wait", "", NIGHTMILL_DATA_DIR=str(mill / "nothing")) == []
    assert not (mill / "nothing").exists()
    (mill / "data" / "nightmill.db").write_text("not a database")
    assert offered("wait", "") == []
    (mill / "nightmill.toml").write_text("pools = [")
    assert offered("wait", "") == offered("run", "--model", "") == []


def test_a_name_that_a_shell_would_run_is_not_offered(
    batch: str, command: Command, mill: Path
) -> None:
    write_rows(mill / "x.jsonl", 1)
    other = command("submit", "x.jsonl", "--name", "$(touch here)").out.strip()

    assert offered("wait", "") == [other, "night", batch]


def test_a_batch_in_sqlite_is_offered_without_heavy_imports(batch: str) -> None:
    code = (
        "from nightmill.cli import completion; from click import Context, Command;"
        "assert completion.batches(Context(Command('x')), '')"
    )
    assert heavy_after(code) <= {"pydantic"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes_with_the_script_that_is_shown(
    batch: str, command: Command, mill: Path
) -> None:
    shown = subprocess.run(
        NIGHTMILL,
        env={**os.environ, "_NIGHTMILL_COMPLETE": "source_bash"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    folder = Path(sys.executable).parent
    line = """
COMP_WORDS=(nightmill status ni) COMP_CWORD=2
_nightmill_completion nightmill
printf '%s\\n' "${COMPREPLY[@]}"
complete -p nightmill
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", shown + line],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )

    name, how = done.stdout.splitlines()
    assert name == "night"
    assert how.endswith("-F _nightmill_completion nightmill")


def test_help_names_both_options_in_few_words(command: Command) -> None:
    shown = command("--help").out

    assert "--install-completion" in shown
    assert "--show-completion" in shown
    assert max(map(len, shown.splitlines())) <= 80
