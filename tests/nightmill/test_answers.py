"""Answers that have to be something, and results as tables: `nightmill run` from end to end."""

import csv
import json
from pathlib import Path

import pytest
from pyarrow import parquet

from nightmill import Client
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import nightmill, read_rows, write_rows

SCHEMA = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}}


def write_prompts(path: Path, *prompts: str) -> None:
    path.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))


def test_choices_give_bare_words_or_a_mismatch(mill: Path) -> None:
    write_prompts(mill / "in.jsonl", "bug", ' "praise"\n', "canary")

    done = nightmill("run", "in.jsonl", "-o", "out.jsonl", "--choices", "bug,praise")

    assert done.returncode == 1, done.stderr
    rows = read_rows(mill / "out.jsonl")
    assert [row["response"] for row in rows] == ["bug", "praise", None]
    error = rows[2]["error"]
    assert error["code"] == "schema_mismatch"
    assert 'the answer: not one of "bug", "praise"' in error["message"]
    assert "canary" not in error["message"]
    assert "schema_mismatch: 1 row" in done.stderr


def test_answers_to_a_schema_are_json_in_rows_and_text_in_tables(mill: Path) -> None:
    (mill / "schema.json").write_text(json.dumps(SCHEMA))
    write_prompts(mill / "in.jsonl", '```json\n{"mood": "good"}\n```', '{"mood": "fair"}')

    done = nightmill("run", "in.jsonl", "-o", "out.csv", "--schema", "schema.json")

    assert done.returncode == 1, done.stderr
    with (mill / "out.csv").open(newline="") as file:
        fine, misfit = csv.DictReader(file)
    assert (fine["response"], fine["error_code"]) == ('{"mood":"good"}', "")
    assert (misfit["response"], misfit["error_code"]) == ("", "schema_mismatch")
    assert '/mood: not one of "good", "bad"' in misfit["error_message"]
    with Client() as client:
        first, second = client.results("b-")
    assert first.response == {"mood": "good"}
    assert second.response is None


def test_texts_become_vectors(mill: Path) -> None:
    write_prompts(mill / "in.jsonl", "one", "two")

    done = nightmill("run", "in.jsonl", "-o", "out.parquet", "--endpoint", "embeddings")

    assert done.returncode == 0, done.stderr
    table = parquet.read_table(mill / "out.parquet")
    assert str(table.schema.field("response").type) == "list<element: double>"
    one, two = table["response"].to_pylist()
    assert len(one) == len(two) > 1
    assert one != two


def test_openai_embeddings_lines_come_out_as_openai_has_them(mill: Path) -> None:
    body = {"model": "gpt", "input": ["one"]}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": body}
    (mill / "in.jsonl").write_text(json.dumps(line) + "\n")

    done = nightmill("run", "in.jsonl", "-o", "out.jsonl", "--model", "fake")

    assert done.returncode == 0, done.stderr
    [row] = read_rows(mill / "out.jsonl")
    [vector] = row["response"]["body"]["data"]
    assert all(isinstance(number, float) for number in vector["embedding"])


def test_prompts_and_examples_come_from_files(mill: Path, command: Command) -> None:
    write_prompts(mill / "in.jsonl", "x")
    (mill / "prompt.txt").write_text("Say {prompt}.\n")
    (mill / "turns.json").write_text('[{"role": "user", "content": "a {prompt}"}]')
    files = ("--prompt-file", "prompt.txt", "--messages-file", "turns.json")

    batch = command("submit", "in.jsonl", "--system-file", "prompt.txt", *files).out.strip()

    with Client() as client:
        client.wait(batch)
        [result] = client.results(batch)
    assert result.response == "Say x."
    assert result.input_tokens == 6


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--prompt", "p", "--prompt-file", "in.jsonl"), "give one of them"),
        (("--choices", "bug"), "two or more"),
        (("--choices", "a,b", "--schema", "in.jsonl"), "give one"),
        (("--schema", "in.jsonl"), "not JSON"),
        (("--schema", "bad.json"), "nothing is fetched"),
        (("--messages-file", "bad.json"), "It is an object"),
        (("--endpoint", "embeddings", "--system", "s"), "leave out --system"),
        (("--endpoint", "images"), "embeddings"),
        (("-o", "out.csv", "--format", "openai"), "OpenAI's output lines are JSON"),
        (("-o", "out.xlsx"), "cannot be written as .xlsx"),
        (("--prompt-file", "prompt.txt"), "`nothing`"),
    ],
)
def test_flags_that_cannot_be_used_end_with_2_before_anything_starts(
    mill: Path, command: Command, flags: tuple[str, ...], words: str
) -> None:
    write_rows(mill / "in.jsonl", 2)
    (mill / "bad.json").write_text('{"$ref": "http://127.0.0.1:9/x"}')
    (mill / "prompt.txt").write_text("{nothing}")

    ended = command("submit", "in.jsonl", *flags)

    assert ended.status == 2, ended.err
    assert words in " ".join(ended.err.split())
    assert command("batches", "--json").json["batches"] == []


def test_another_schema_over_the_same_output_is_named(mill: Path, command: Command) -> None:
    write_rows(mill / "in.jsonl", 2)
    first = ("submit", "in.jsonl", "-o", "out.jsonl")
    assert command(*first, "--choices", "a,b").status == 0

    again = command(*first, "--choices", "a,b,c")

    assert again.status == 2
    assert "--schema or --choices" in again.err


def test_an_ending_that_says_no_format_is_told(mill: Path, command: Command) -> None:
    write_rows(mill / "in.jsonl", 1)

    told = command("submit", "in.jsonl", "-o", "out.txt").err

    assert "out.txt gets one JSON object a line" in told


def test_results_can_be_those_that_failed_only(mill: Path, command: Command) -> None:
    (mill / "in.jsonl").write_text('{"prompt": "x"}\nnot json\n')
    batch = command("submit", "in.jsonl").out.strip()

    command("results", batch, "--only", "failed", "-o", "failed.csv")

    with (mill / "failed.csv").open(newline="") as file:
        assert [row["error_code"] for row in csv.DictReader(file)] == ["invalid_json"]
    assert command("results", batch, "--only", "succeeded").out == ""
