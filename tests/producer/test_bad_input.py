"""The table of bad input: a clear error for each bad line, and nothing of the others lost."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from jobs.codes import ErrorCode
from jobs.errors import InputError, UsageError
from jobs.store import batches
from jobs.store.store import Store
from producer.raw import MAX_LINE
from tests.producer.by_hand import (
    answer_all,
    embeddings_line,
    openai_line,
    plan,
    results_of,
    submitted,
    wanting,
    write_input,
)

GOOD = [{"prompt": "one"}, {"prompt": "three"}]
PROMPT = {"prompt": "p"}

BAD_LINES: list[tuple[str, object, ErrorCode]] = [
    ("not JSON", b"prompt: hello", ErrorCode.INVALID_JSON),
    ("cut off", b'{"prompt": "hel', ErrorCode.INVALID_JSON),
    ("not an object", b'["hello"]', ErrorCode.NOT_AN_OBJECT),
    ("no prompt", {"text": "hello"}, ErrorCode.MISSING_PROMPT),
    ("unknown url", openai_line() | {"url": "/v1/audio"}, ErrorCode.UNKNOWN_URL),
    ("unknown method", openai_line() | {"method": "GET"}, ErrorCode.UNKNOWN_METHOD),
    ("no pool for it", embeddings_line(model="demo"), ErrorCode.UNSUPPORTED_ENDPOINT),
    ("no schema", openai_line(response_format=wanting({"type": 5})), ErrorCode.INVALID_SCHEMA),
    (
        "schema elsewhere",
        openai_line(response_format=wanting({"$ref": "http://127.0.0.1:9/x"})),
        ErrorCode.INVALID_SCHEMA,
    ),
    (
        "schema without end",
        openai_line(response_format=wanting({"$ref": "#"})),
        ErrorCode.INVALID_SCHEMA,
    ),
    ("taken custom_id", PROMPT | {"custom_id": "row-1"}, ErrorCode.DUPLICATE_CUSTOM_ID),
    ("custom_id no text", PROMPT | {"custom_id": 5}, ErrorCode.INVALID_CUSTOM_ID),
    ("messages", openai_line(messages=[{"role": "user"}]), ErrorCode.INVALID_MESSAGES),
    ("out of range", openai_line(temperature=9), ErrorCode.INVALID_PARAMETER),
    ("not supported", openai_line(tools=[1]), ErrorCode.UNSUPPORTED_PARAMETER),
    ("unknown model", PROMPT | {"model": "gpt-4o-mini"}, ErrorCode.UNKNOWN_MODEL),
    ("10 MB", {"prompt": "x" * MAX_LINE}, ErrorCode.LINE_TOO_LARGE),
    ("100 deep", b'{"prompt":' + b"[" * 100 + b"]" * 100 + b"}", ErrorCode.NESTED_TOO_DEEP),
    ("invalid UTF-8", b'{"prompt": "\xff"}', ErrorCode.INVALID_UTF8),
    ("NUL", b'{"prompt": "\0"}', ErrorCode.UNSTORABLE_TEXT),
    ("escaped NUL", rb'{"prompt": "p", "a\u0000": 1}', ErrorCode.UNSTORABLE_TEXT),
    ("lone surrogate", rb'{"prompt": "\ud800"}', ErrorCode.UNSTORABLE_TEXT),
    ("NaN", b'{"prompt": "p", "x": NaN}', ErrorCode.INVALID_JSON),
    ("trailing text", b'{"prompt": "p"} and more', ErrorCode.INVALID_JSON),
]


@pytest.mark.parametrize(
    ("bad", "code"),
    [(bad, code) for _, bad, code in BAD_LINES],
    ids=[name for name, _, _ in BAD_LINES],
)
def test_a_bad_line_gets_its_own_error_and_every_other_line_runs(
    sqlite_store: Store, tmp_path: Path, bad: object, code: ErrorCode
) -> None:
    source = write_input(tmp_path / "in.jsonl", GOOD[0], bad, GOOD[1])

    done = submitted(sqlite_store, plan(source))
    answer_all(sqlite_store)

    assert (done.new, done.bad_lines) == (3, 1)
    first, second, third = results_of(sqlite_store, done.batch.id)
    assert [first["response"], third["response"]] == ["eno", "eerht"]
    assert [first["error"], third["error"]] == [None, None]
    assert (second["error"]["code"], second["error"]["line"]) == (code, 2)
    assert second["error"]["message"].startswith(code.sentence)


def test_all_kinds_of_bad_lines_in_one_file_on_both_stores(store: Store, tmp_path: Path) -> None:
    bad = [line for name, line, _ in BAD_LINES if name != "10 MB"]
    codes = [code for name, _, code in BAD_LINES if name != "10 MB"]
    source = write_input(tmp_path / "in.jsonl", GOOD[0], *bad, GOOD[1])

    done = submitted(store, plan(source))
    answer_all(store)

    rows = results_of(store, done.batch.id)
    assert [row["error"] and row["error"]["code"] for row in rows] == [None, *codes, None]
    assert [row["error"]["line"] for row in rows[1:-1]] == list(range(2, len(codes) + 2))


@pytest.mark.parametrize(
    "data",
    [
        b'\xef\xbb\xbf{"prompt": "one"}\n{"prompt": "two"}\n',
        b'{"prompt": "one"}\r\n{"prompt": "two"}\r\n',
        b'\n{"prompt": "one"}\n\n  \n{"prompt": "two"}\n\n',
        b'{"prompt": "one"}\n{"prompt": "two"}',
    ],
    ids=["bom", "crlf", "blank", "no-newline"],
)
def test_harmless_oddities_of_a_file_are_accepted(
    sqlite_store: Store, tmp_path: Path, data: bytes
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(data)

    done = submitted(sqlite_store, plan(source))

    assert (done.new, done.bad_lines) == (2, 0)
    assert answer_all(sqlite_store) == ["one", "two"]


def test_a_line_separator_inside_a_string_stays_where_it_is(
    sqlite_store: Store, tmp_path: Path
) -> None:
    prompt = "one\u2028line\u0085with\x0bseparators"
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"prompt": prompt}, ensure_ascii=False), "utf-8")

    done = submitted(sqlite_store, plan(source))

    assert answer_all(sqlite_store) == [prompt]
    assert results_of(sqlite_store, done.batch.id)[0]["prompt"] == prompt


def make_empty(path: Path) -> None:
    path.touch()


def make_blank(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf\r\n \n")


def make_useless(path: Path) -> None:
    write_input(path, {"text": "a"}, b"{", {"prompt": "p", "model": "gpt-9"})


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_empty, "is empty"),
        (make_blank, "only blank lines"),
        (make_useless, "all 3 lines cannot run. Line 1: The row has neither"),
        (make_pipe, "not a regular file"),
        (Path.mkdir, "is a directory"),
        (lambda path: None, "does not exist"),
        (lambda path: path.symlink_to(path), "cannot be read"),
    ],
    ids=["empty", "blank", "useless", "pipe", "directory", "missing", "loop"],
)
def test_an_input_without_use_is_one_sentence_and_leaves_no_batch(
    sqlite_store: Store, tmp_path: Path, make: Any, words: str
) -> None:
    source = tmp_path / "in.jsonl"
    make(source)

    with pytest.raises(InputError) as caught:
        submitted(sqlite_store, plan(source))

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)
    with sqlite_store.read() as c:
        assert batches.newest(c, 1) == []


@pytest.mark.parametrize("flags", [{"prompt": "{nme}: {txt}"}, {"system": "{nme} {txt}"}])
def test_a_template_that_names_a_missing_column_is_refused_before_anything_is_stored(
    sqlite_store: Store, tmp_path: Path, flags: dict[str, str]
) -> None:
    source = write_input(tmp_path / "in.jsonl", b"{", {"name": 1}, {"text": 2, "prompt": "p"})

    with pytest.raises(UsageError) as caught:
        submitted(sqlite_store, plan(source, **flags))

    assert "names `nme` and `txt`" in str(caught.value)
    assert "The columns there are: name, text, prompt." in str(caught.value)
    with sqlite_store.read() as c:
        assert batches.newest(c, 1) == []


def test_a_column_that_only_some_rows_have_fails_the_others(
    sqlite_store: Store, tmp_path: Path
) -> None:
    source = write_input(tmp_path / "in.jsonl", {"a": 1}, {"b": {"c": "x"}})

    done = submitted(sqlite_store, plan(source, prompt="{b.c}"))

    assert (done.new, done.bad_lines) == (2, 1)
    assert answer_all(sqlite_store) == ["x"]
    [bad, good] = results_of(sqlite_store, done.batch.id)
    assert (bad["error"]["code"], bad["a"]) == (ErrorCode.MISSING_COLUMN, 1)
    assert good["response"] == "x"
