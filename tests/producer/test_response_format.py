"""The form that answers are asked for in: by a flag, by an OpenAI line, by a row."""

import json
from typing import Any

import pytest

from jobs.codes import ErrorCode
from jobs.errors import UsageError
from jobs.model import NewJob
from producer.overrides import Overrides
from producer.response_format import schema_of_words
from tests.producer.by_hand import line, openai_line, parser, wanting

SCHEMA = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}}


def parsed(value: object, **flags: Any) -> NewJob:
    return parser(**flags).parse(line(value))


def schema_of(job: NewJob) -> Any:
    assert job.error_code is None, job.error_message
    return json.loads(job.body or "").get("schema")


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        (wanting(SCHEMA), SCHEMA),
        ({"type": "json_schema", "json_schema": {"schema": {}, "description": None}}, {}),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "text"}, None),
        (None, None),
    ],
)
def test_lines_and_rows_ask_for_a_form_of_their_answer(form: object, schema: object) -> None:
    assert schema_of(parsed(openai_line(response_format=form))) == schema
    assert schema_of(parsed({"prompt": "p", "response_format": form})) == schema


def test_plain_text_is_the_same_request_as_no_word_of_it() -> None:
    assert parsed(openai_line(response_format={"type": "text"})).hash == parsed(openai_line()).hash


def test_a_schema_given_by_a_flag_holds_for_every_line() -> None:
    bad = wanting({"type": "nonsense"})

    assert schema_of(parsed(openai_line(response_format=bad), schema=SCHEMA)) == SCHEMA
    assert schema_of(parsed({"prompt": "p", "response_format": bad}, schema=SCHEMA)) == SCHEMA


def test_with_a_template_a_rows_response_format_is_data() -> None:
    assert schema_of(parsed({"response_format": "pdf"}, prompt="{response_format}")) is None


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("json", "`response_format` must be"),
        ({}, "`response_format` must be"),
        ({"type": "grammar"}, "`response_format` must be"),
        ({"type": "json_schema"}, "`response_format` must be"),
        ({"type": "json_schema", "json_schema": {}}, "schema` is missing"),
        (wanting("{}"), "schema` is a text"),
        (wanting(True), "schema` is a boolean"),
        (wanting({"type": "nonsense"}), "At /type"),
        (wanting({"$ref": "http://127.0.0.1:9/x"}), "nothing is fetched"),
        (wanting({"$schema": "my"}), "`$schema` must be one of"),
        (wanting({"pattern": "("}), "At /pattern"),
    ],
)
def test_what_is_no_schema_fails_the_line_with_the_reason(form: object, words: str) -> None:
    for value in (openai_line(response_format=form), {"prompt": "p", "response_format": form}):
        job = parsed(value)

        assert job.error_code is ErrorCode.INVALID_SCHEMA
        assert words in (job.error_message or "")


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (wanting({}) | {"grammar": "x"}, "`response_format.grammar`"),
        ({"type": "text", "x": 1}, "`response_format.x`"),
        (
            {"type": "json_schema", "json_schema": {"schema": {}, "y": 1}},
            "`response_format.json_schema.y`",
        ),
    ],
)
def test_nothing_beside_the_schema_is_dropped_in_silence(form: object, name: str) -> None:
    job = parsed(openai_line(response_format=form))

    assert job.error_code is ErrorCode.UNSUPPORTED_PARAMETER
    assert name in (job.error_message or "")


def test_words_become_a_schema() -> None:
    assert schema_of_words(" bug, praise,a b ")["enum"] == ["bug", "praise", "a b"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "two or more"),
        ("bug", "two or more"),
        ("bug,", "two or more"),
        ("bug,,praise", "two or more"),
        ("bug,praise, bug", "has bug twice"),
    ],
)
def test_one_word_none_and_the_same_twice_are_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        schema_of_words(text)


@pytest.mark.parametrize("schema", [{"$ref": "other.json"}, {"type": 5}, {"$ref": "#"}])
def test_a_flag_with_no_good_schema_is_refused_before_anything_starts(
    schema: dict[str, Any],
) -> None:
    with pytest.raises(UsageError, match="The schema cannot be used"):
        Overrides(schema=schema)
