"""Texts to be turned into vectors: which model, and what a line may say."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.codes import ErrorCode
from jobs.errors import UsageError
from jobs.model import NewJob
from producer.lines import LineParser
from producer.overrides import Overrides
from tests.producer.by_hand import (
    DEMO,
    NOMIC,
    embeddings_line,
    line,
    openai_line,
    parser,
    plan,
    resolve,
    resolve_chats_only,
)

EMBEDDING = Overrides(endpoint="embeddings")


def parsed(value: object, **flags: Any) -> NewJob:
    return parser(**flags).parse(line(value))


def of_row(row: dict[str, Any], **flags: Any) -> NewJob:
    overrides = Overrides(endpoint="embeddings", **flags)
    return LineParser(NOMIC, overrides, resolve).parse(line(row))


def request_of(job: NewJob) -> dict[str, Any]:
    assert job.error_code is None, job.error_message
    request: dict[str, Any] = json.loads(job.body or "")
    return request


@pytest.mark.parametrize("text", ["hi", ["hi"]])
def test_a_line_with_one_text_asks_for_its_vector(text: object) -> None:
    job = parsed(embeddings_line(input=text, encoding_format="float", user="u", dimensions=None))

    assert (job.kind, job.model, job.pool) == ("openai", "nomic", "ollama")
    assert request_of(job) == {
        "model": "nomic",
        "messages": [{"role": "user", "content": "hi"}],
        "endpoint": "embeddings",
    }


def test_flags_for_chats_leave_embeddings_lines_alone() -> None:
    flags: dict[str, Any] = {"system": "s", "max_tokens": 5, "schema": {}}

    assert parsed(embeddings_line(), **flags).hash == parsed(embeddings_line()).hash


def test_a_line_without_a_model_gets_one_that_makes_embeddings() -> None:
    assert parsed(embeddings_line(model=None)).model == "nomic"


def test_the_model_named_by_a_flag_serves_each_endpoint_that_it_has() -> None:
    assert parsed(embeddings_line(model="gpt"), model="nomic").model == "nomic"

    job = parsed(embeddings_line(), model="demo")
    assert job.error_code is ErrorCode.UNSUPPORTED_ENDPOINT


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        (embeddings_line(model="demo"), ErrorCode.UNSUPPORTED_ENDPOINT, "only answers chats"),
        (openai_line(model="nomic"), ErrorCode.UNSUPPORTED_ENDPOINT, "only makes embeddings"),
        (embeddings_line(model="gpt"), ErrorCode.UNKNOWN_MODEL, "`gpt`"),
        (embeddings_line(input=["a", "b"]), ErrorCode.INVALID_PARAMETER, "its own line"),
        (embeddings_line(input=[]), ErrorCode.INVALID_PARAMETER, "an empty list"),
        (embeddings_line(input=[[1, 2]]), ErrorCode.INVALID_PARAMETER, "something else"),
        (embeddings_line(input=" "), ErrorCode.INVALID_PARAMETER, "not empty"),
        (embeddings_line(input=None), ErrorCode.INVALID_PARAMETER, "not null"),
        (embeddings_line(dimensions=64), ErrorCode.UNSUPPORTED_PARAMETER, "`dimensions`"),
        (
            embeddings_line(encoding_format="base64"),
            ErrorCode.UNSUPPORTED_PARAMETER,
            "`encoding_format`, of which only float",
        ),
        (embeddings_line(messages=[]), ErrorCode.UNSUPPORTED_PARAMETER, "`messages`"),
    ],
)
def test_a_line_that_cannot_be_a_vector_says_why(
    value: dict[str, Any], code: ErrorCode, words: str
) -> None:
    job = parsed(value)

    assert job.error_code is code
    assert words in (job.error_message or "")


def test_where_nobody_makes_embeddings_the_line_says_so() -> None:
    job = LineParser(DEMO, Overrides(), resolve_chats_only).parse(line(embeddings_line()))

    assert job.error_code is ErrorCode.UNSUPPORTED_ENDPOINT
    assert "configure a pool that makes embeddings" in (job.error_message or "")


def test_rows_are_turned_into_vectors_when_the_flag_says_so() -> None:
    for job in (of_row({"prompt": "hi"}), of_row({"text": "hi"}, prompt="{text}")):
        assert request_of(job) == {
            "model": "nomic",
            "messages": [{"role": "user", "content": "hi"}],
            "endpoint": "embeddings",
        }


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"prompt": "p", "system": "s"}, ErrorCode.INVALID_MESSAGES),
        (
            {"messages": [{"role": "assistant", "content": "x"}]},
            ErrorCode.INVALID_MESSAGES,
        ),
        (
            {"prompt": "p", "response_format": {"type": "json_object"}},
            ErrorCode.UNSUPPORTED_PARAMETER,
        ),
        ({"prompt": "p", "model": "demo"}, ErrorCode.UNSUPPORTED_ENDPOINT),
    ],
)
def test_a_row_that_is_more_than_a_text_is_refused(row: dict[str, Any], code: ErrorCode) -> None:
    assert of_row(row).error_code is code


def test_a_chat_among_rows_that_are_to_be_vectors_keeps_its_own_endpoint() -> None:
    job = LineParser(NOMIC, EMBEDDING, resolve).parse(line(openai_line(model=None)))

    assert job.model == "demo"
    assert "endpoint" not in request_of(job)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"system": "s"}, "--system"),
        ({"max_tokens": 5}, "--max-tokens"),
        ({"schema": {}}, "--schema or --choices"),
    ],
)
def test_flags_for_chats_and_vectors_exclude_each_other(flags: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"leave out {named}"):
        Overrides(endpoint="embeddings", **flags)


def test_two_runs_over_the_same_output_agree_on_endpoint_schema_and_examples() -> None:
    plain = plan(Path("in")).options
    options = plan(Path("in"), endpoint="embeddings").options
    schema = plan(Path("in"), schema={"type": "object"}).options

    assert options["endpoint"] == "embeddings"
    assert plain["schema"] is None
    assert schema["schema"] != plan(Path("in"), schema={"type": "array"}).options["schema"]
