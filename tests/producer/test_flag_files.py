"""Prompts, examples and schemas that are given in files."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import UsageError
from jobs.model import Message
from producer.flag_files import MAX_TEXT, read_schema, read_text, read_turns
from producer.overrides import Overrides
from tests.producer.by_hand import line, openai_line, parser

TURNS = [{"role": "user", "content": "In {lang}: hi"}, {"role": "assistant", "content": "Hallo"}]


def written(folder: Path, contents: bytes | object) -> Path:
    path = folder / "given"
    path.write_bytes(contents if isinstance(contents, bytes) else json.dumps(contents).encode())
    return path


def turns_of(value: object, **flags: Any) -> list[tuple[str, str]]:
    job = parser(**flags).parse(line(value))
    assert job.error_code is None, job.error_message
    return [(turn["role"], turn["content"]) for turn in json.loads(job.body or "")["messages"]]


def test_a_prompt_comes_from_a_flag_or_from_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffSay {this}\nin ü.\r\n".encode())

    assert read_text("--prompt", None, path) == "Say {this}\nin ü."
    assert read_text("--prompt", "given", None) == "given"
    assert read_text("--prompt", None, None) is None


def test_a_flag_and_its_file_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--prompt and --prompt-file"):
        read_text("--prompt", "given", written(tmp_path, b"x"))
    with pytest.raises(UsageError, match="--schema and --choices"):
        read_schema(written(tmp_path, {}), "a,b")


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"\xff", "not valid UTF-8 at byte 1"),
        (b"x" * (MAX_TEXT + 1), "more than 1,000,000 bytes"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_no_text_is_named(
    tmp_path: Path, contents: bytes | None, words: str
) -> None:
    path = tmp_path / "no" if contents is None else written(tmp_path, contents)

    with pytest.raises(UsageError, match=f"--system-file .*{words}"):
        read_text("--system", None, path)


def test_a_schema_comes_from_a_file_or_is_a_list_of_words(tmp_path: Path) -> None:
    assert read_schema(written(tmp_path, {"type": "object"}), None) == {"type": "object"}
    assert read_schema(None, "a,b") == {"type": "string", "enum": ["a", "b"]}
    assert read_schema(None, None) is None


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"{", "is not JSON"),
        (b"[]", "no JSON Schema"),
        (b"true", "no JSON Schema"),
        (b"[" * 5000, "nested too deep"),
        (b'{"description": "' + b"x" * 1_000_000 + b'"}', "more than 1,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_schema_is_named(tmp_path: Path, contents: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=f"--schema .*{words}"):
        read_schema(written(tmp_path, contents), None)


def test_examples_stand_between_the_system_message_and_the_prompt(tmp_path: Path) -> None:
    turns = read_turns(written(tmp_path, TURNS))
    assert turns == (Message("user", "In {lang}: hi"), Message("assistant", "Hallo"))
    examples = [("user", "In de: hi"), ("assistant", "Hallo")]

    row = {"prompt": "p", "lang": "de"}
    assert turns_of(row, turns=turns) == [*examples, ("user", "p")]
    assert turns_of(row, turns=turns, system="s") == [("system", "s"), *examples, ("user", "p")]
    assert turns_of(row | {"system": "t"}, turns=turns)[0] == ("system", "t")
    assert turns_of(row, turns=turns, prompt="{prompt}!")[-1] == ("user", "p!")


def test_examples_go_before_the_messages_of_openai_lines_too() -> None:
    turns = (Message("user", "a"), Message("assistant", "b"))

    assert turns_of(openai_line(), turns=turns)[:2] == [("user", "a"), ("assistant", "b")]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({}, "It is an object"),
        ([], "The list is empty"),
        ([{"role": "tool", "content": "x"}], "`messages[0].role` is `tool`"),
        ([{"role": "user", "content": "x", "name": "y"}], "`messages[0].name`"),
        (b"[", "is not JSON"),
    ],
)
def test_examples_that_are_no_conversation_name_the_place(
    tmp_path: Path, contents: object, words: str
) -> None:
    with pytest.raises(UsageError, match=f"--messages-file .*{re.escape(words)}"):
        read_turns(written(tmp_path, contents))


def test_a_system_message_among_the_examples_is_refused() -> None:
    with pytest.raises(UsageError, match="--system-file"):
        Overrides(turns=(Message("system", "s"),))
