"""All kinds of inputs through the command line, answered by the fake backend."""

import io
import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.nightmill.conftest import Command, Ended
from tests.nightmill.mill_process import NIGHTMILL, answered, nightmill, read_rows, write_rows
from tests.nightmill.printed import check_printed

TABLE = 'id,text\n1,good\n2,"so ""so"",\nhe says"\n3,bad,row\n'


def piped(text: str, *args: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [*NIGHTMILL, *args], input=text.encode(), capture_output=True, timeout=180, check=False
    )


def test_a_csv_file_is_run_and_its_bad_row_costs_itself(mill: Path) -> None:
    (mill / "in.csv").write_text(TABLE)

    done = nightmill("run", "in.csv", "-o", "out.jsonl", "--prompt", "{id}: {text}")

    assert done.returncode == 1, done.stderr
    first, second, bad = read_rows(mill / "out.jsonl")
    assert (first["id"], first["response"]) == ("1", "1: good")
    assert second["response"] == '2: so "so",\nhe says'
    assert (bad["error"]["code"], bad["error"]["line"]) == ("ragged_row", 5)
    assert "ragged_row: 1 row, first in line 5" in done.stderr


def test_standard_input_is_run_and_known_again_by_the_output(mill: Path) -> None:
    args = ("run", "-", "--input-format", "text", "-o", "out.jsonl")
    first = piped("one\ntwo\n", *args)
    assert first.returncode == 0, first.stderr
    assert b"2 rows of standard input" in first.stderr

    more = piped("one\ntwo\nthree\n", *args)

    assert more.returncode == 0, more.stderr
    assert [row["response"] for row in read_rows(mill / "out.jsonl")] == ["one", "two", "three"]
    assert answered(mill) == 3
    assert list((mill / "data").glob(".nightmill-input-*")) == []


CSV = "id,text\n1,one\n"


@pytest.mark.parametrize("said", [CSV, "Write a poem.\n\nAnother.\n", "PAR1\x15\0", "x\n" * 9999])
def test_standard_input_that_is_no_json_lines_has_to_be_told_from_them(
    command: Command, mill: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    def pipe(*args: str) -> Ended:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(said.encode())))
        return command(*args, "-", "--prompt", "Say {text}")

    for asked in (("run",), ("submit",), ("run", "--dry-run")):
        refused = pipe(*asked)
        assert (refused.status, refused.err.count("\n")) == (2, 1)
        assert "standard input does not look like JSON lines" in refused.err
        assert "--input-format csv" in refused.err
    assert command("batches", "--json").json["batches"] == []
    if said == CSV:
        assert pipe("submit", "--input-format", "csv").status == 0


def test_a_bad_line_before_json_lines_costs_only_itself_by_standard_input_too(
    command: Command, mill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = b'{"prompt": "one"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"no JSON\n" + said)))

    taken = command("submit", "-", "--json").json

    assert (taken["new"], taken["bad_lines"]) == (2, 1)


def test_a_file_without_an_ending_is_looked_at_and_one_with_an_ending_is_believed(
    command: Command, mill: Path
) -> None:
    (mill / "rows").write_text(CSV)
    (mill / "rows.jsonl").write_text(CSV)

    assert "rows does not look like JSON lines" in command("submit", "rows").err
    assert "all 2 lines cannot run" in command("submit", "rows.jsonl").err


def test_standard_input_without_an_output_is_known_by_what_it_says(
    command: Command, mill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submitted(text: str) -> str:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        ended = command("submit", "-")
        assert ended.status == 0, ended.err
        return ended.out

    first = submitted('{"prompt": "one"}')

    assert submitted('{"prompt": "one"}') == first
    assert submitted('{"prompt": "two"}') != first
    assert command("batches", "--json").json["batches"][0]["name"] == "stdin"


def test_empty_standard_input_is_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))

    ended = command("submit", "-")

    assert ended.status == 2
    assert "standard input is empty" in ended.err


def test_several_files_and_a_pattern_are_one_batch(mill: Path) -> None:
    (mill / "more").mkdir()
    (mill / "a.csv").write_text("prompt\na1\n")
    (mill / "more" / "b.txt").write_text("b1\n")
    (mill / "more" / "c.jsonl").write_text('{"prompt": "c1"}\n{\n')

    done = nightmill("run", "a.csv", "more/*", "-o", "out.jsonl")

    assert done.returncode == 1, done.stderr
    assert "4 rows of a.csv and 2 more" in done.stderr
    assert "first in line 2 of c.jsonl" in done.stderr
    rows = read_rows(mill / "out.jsonl")
    assert [row.get("response") for row in rows] == ["a1", "b1", "c1", None]
    assert rows[3]["error"]["file"] == "c.jsonl"
    failed = nightmill("errors", "a.csv and 2 more")
    assert failed.stdout.count("line 2 of c.jsonl") == 2, failed.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["more/*.csv"], "No file fits more/*.csv"),
        (["folder"], "folder is a directory. Name its files, such as 'folder/*.csv'"),
        (["in.jsonl", "gone.csv"], "gone.csv does not exist"),
        (["in.jsonl", "--encoding", "utf-9"], "--encoding 'utf-9' is no encoding"),
        (["in.jsonl", "--limit", "0"], "--limit must be a whole number from 1"),
        (["in.jsonl", "--limit", "1", "--sample", "1"], "give one of them"),
        (["-", "-"], "more than once"),
    ],
)
def test_inputs_that_cannot_be_had_are_named_and_nothing_is_stored(
    command: Command, mill: Path, words: list[str], said: str
) -> None:
    write_rows(mill / "in.jsonl", 1)
    (mill / "folder").mkdir()

    ended = command("submit", *words)

    assert (ended.status, said in ended.err) == (2, True), ended.err
    assert command("batches", "--json").json["batches"] == []


def test_a_part_is_tried_and_the_full_run_keeps_its_answers(mill: Path) -> None:
    write_rows(mill / "in.jsonl", 30)
    args = ("run", "in.jsonl", "-o", "out.jsonl")
    assert nightmill(*args, "--sample", "4", "--seed", "7").returncode == 0
    tried = {row["custom_id"]: row for row in read_rows(mill / "out.jsonl")}
    assert len(tried) == 4

    full = nightmill(*args, "--json")

    assert full.returncode == 0, full.stderr
    rows = {row["custom_id"]: row for row in read_rows(mill / "out.jsonl")}
    assert len(rows) == answered(mill) == 30
    assert {name: rows[name] for name in tried} == tried


def test_a_dry_run_tells_what_would_run_and_leaves_nothing(command: Command, mill: Path) -> None:
    (mill / "in.csv").write_text(TABLE)
    before = sorted(mill.rglob("*"))

    said = command("run", "in.csv", "-o", "o.jsonl", "--prompt", "Is it {text}?", "--dry-run")
    found: Any = command("run", "in.csv", "--prompt", "Is it {text}?", "--dry-run", "--json").json

    check_printed("run_dry", found)
    assert said.status == 0, said.err
    assert "2 rows of in.csv would run, by fake" in said.out
    assert "line 5: The row has more or fewer fields" in said.out
    assert 'Is it so "so",\nhe says?' in said.out
    assert "time: unknown" in said.out
    assert (found["schema"], found["rows"], found["bad_lines"], found["model"]) == (1, 2, 1, "fake")
    assert [prompt["line"] for prompt in found["prompts"]] == [2, 3]
    assert found["estimated_s"] is None
    assert sorted(mill.rglob("*")) == before


def test_a_dry_run_says_what_takes_more_room_than_there_is(
    command: Command, mill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(mill / "in.jsonl", 10)
    asked = ("run", "in.jsonl", "--dry-run", "--system", "x" * 5000)
    assert re.search("room in the store: about 5[56] KB without the answers", command(*asked).out)
    assert "free:" not in command(*asked).out

    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=20_000))
    said = command(*asked).out

    assert "its disk has 20 KB free: a run would refuse to begin" in said
    assert "50 KB of that are the system message" in said
    refused = command("run", "in.jsonl", "--system", "x" * 5000)
    assert refused.status == 2
    assert re.search("take about 5[56] KB in the store, and its disk has 20 KB free", refused.err)


def test_a_dry_run_refuses_what_a_run_would(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 1)
    (mill / "foreign").write_text("something else")

    for words in (
        ("--prompt", "{nope}"),
        ("--model", "nobody"),
        ("-o", "foreign"),
        ("-o", "in.jsonl"),
        ("--temperature", "9"),
    ):
        assert command("run", "in.jsonl", "--dry-run", *words).status == 2, words
    assert not (mill / "data").exists()


def test_a_dry_run_estimates_the_end_from_earlier_batches(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 5)
    assert nightmill("run", "in.jsonl", "-o", "out.jsonl").returncode == 0
    known = command("batches", "--json").json["batches"]

    ended = command("run", "in.jsonl", "--dry-run", "-o", "other.jsonl")

    assert ended.status == 0, ended.err
    assert "from 1 earlier batch with this model" in ended.out
    assert command("batches", "--json").json["batches"] == known


def test_a_dry_run_of_standard_input_keeps_none_of_it(mill: Path) -> None:
    done = piped('{"prompt": "one"}\n', "run", "-", "--dry-run", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["source"] == "standard input"
    assert not (mill / "data").exists()
