import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.codes import ErrorCode
from jobs.model import NewJob, request_hash
from producer.lines import LineParser, ModelChoice
from producer.overrides import Overrides
from tests.producer.by_hand import DEMO, line, openai_line, parser


def parsed(value: object, number: int = 1, **flags: Any) -> NewJob:
    return parser(**flags).parse(line(value, number))


def request_of(job: NewJob) -> dict[str, Any]:
    assert job.error_code is None, job.error_message
    assert job.body is not None
    request: dict[str, Any] = json.loads(job.body)
    return request


def turns(job: NewJob) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in request_of(job)["messages"]]


def turn(content: object, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content} | more


def test_a_row_with_a_prompt_is_a_job_that_keeps_its_text() -> None:
    data = '{ "prompt":"Hi ü", "n": 1.50 }'.encode()

    job = parsed(data, 7)

    assert (job.line, job.custom_id, job.kind, job.row) == (7, "row-7", "row", data.decode())
    assert (job.model, job.pool) == ("demo", "mlx")
    assert request_of(job) == {"model": "demo", "messages": [{"role": "user", "content": "Hi ü"}]}
    assert job.body is not None
    assert job.hash == request_hash(job.body.encode())


def test_a_row_has_its_own_system_message() -> None:
    assert turns(parsed({"prompt": "p", "system": "s"})) == [("system", "s"), ("user", "p")]


def test_a_row_has_messages() -> None:
    messages = [
        {"role": "developer", "content": "d"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "", "name": None},
    ]

    assert turns(parsed({"messages": messages})) == [
        ("system", "d"),
        ("user", "a\nb"),
        ("assistant", ""),
    ]


def test_with_a_template_every_other_field_is_data() -> None:
    row = {"prompt": 1, "messages": "m", "system": {}, "url": "/v1/x", "method": "GET", "body": {}}

    job = parsed(row, prompt="{prompt} {messages} {url}")

    assert job.kind == "row"
    assert turns(job) == [("user", "1 m /v1/x")]


def test_fields_of_a_row_are_never_sampling_parameters() -> None:
    job = parsed({"prompt": "p", "temperature": 21.5, "max_tokens": "many", "n": 3})

    assert request_of(job).keys() == {"model", "messages"}


def test_null_is_the_same_as_leaving_a_field_out() -> None:
    row = dict.fromkeys(["custom_id", "messages", "system", "model"]) | {"prompt": "p"}

    assert request_of(parsed(row)) == request_of(parsed({"prompt": "p"}))


def test_a_model_that_a_row_names_is_looked_up() -> None:
    job = parsed({"prompt": "p", "model": "qwen"})

    assert (job.model, job.pool, request_of(job)["model"]) == ("qwen", "ollama", "qwen")


@pytest.mark.parametrize("model", ["auto", "", None])
def test_no_name_or_auto_is_the_chosen_model(model: object) -> None:
    assert parsed({"prompt": "p", "model": model}).model == "demo"


@pytest.mark.parametrize("value", [{"prompt": "p", "model": 5}, openai_line(model="gpt-4o-mini")])
def test_model_as_a_flag_overrides_every_line(value: dict[str, Any]) -> None:
    assert parsed(value, model="demo").model == "demo"


def test_system_as_a_flag_is_a_template_and_replaces_the_lines_own() -> None:
    flags = {"system": "Speak {lang}."}

    row = parsed({"prompt": "p", "system": "s", "lang": "de"}, **flags)
    call = parsed(openai_line(messages=[turn("u"), turn("s", role="system")]), system="Be brief.")

    assert turns(row) == [("system", "Speak de."), ("user", "p")]
    assert turns(call) == [("system", "Be brief."), ("user", "u")]


def test_sampling_flags_hold_for_every_line() -> None:
    flags: dict[str, Any] = {"max_tokens": 5, "temperature": 1, "top_p": 0.5, "seed": 0}
    flags["stop"] = ("x",)

    row = request_of(parsed({"prompt": "p"}, **flags))
    call = request_of(parsed(openai_line(max_tokens=-1, temperature=0.1, stop=[]), **flags))

    for request in (row, call):
        assert {name: request[name] for name in flags} == flags | {"stop": ["x"]}


def assert_fault(job: NewJob, code: ErrorCode, words: str) -> None:
    assert (job.error_code, job.body, job.hash) == (code, None, "")
    assert job.error_message is not None
    assert words in job.error_message
    assert job.error_message.startswith(code.sentence)
    assert job.error_message.endswith(code.way_out)


@pytest.mark.parametrize(
    ("row", "code", "words"),
    [
        ({"text": "x"}, ErrorCode.MISSING_PROMPT, "--prompt"),
        ({"prompt": " \n"}, ErrorCode.MISSING_PROMPT, "`prompt` is empty"),
        ({"prompt": 5}, ErrorCode.MISSING_PROMPT, "a number, not a text"),
        ({"prompt": "p", "messages": []}, ErrorCode.INVALID_MESSAGES, "keep one of them"),
        ({"prompt": "p", "system": ["s"]}, ErrorCode.INVALID_MESSAGES, "`system` is a list"),
        ({"prompt": "p", "custom_id": 7}, ErrorCode.INVALID_CUSTOM_ID, "a number"),
        ({"prompt": "p", "custom_id": ""}, ErrorCode.INVALID_CUSTOM_ID, "empty"),
        ({"prompt": "p", "custom_id": "x" * 513}, ErrorCode.INVALID_CUSTOM_ID, "512 characters"),
        ({"prompt": "p", "model": "gpt-9"}, ErrorCode.UNKNOWN_MODEL, "`gpt-9`"),
        ({"prompt": "p", "model": {}}, ErrorCode.UNKNOWN_MODEL, "an object"),
    ],
)
def test_a_row_that_cannot_run_says_what_is_wrong_with_it(
    row: dict[str, Any], code: ErrorCode, words: str
) -> None:
    job = parsed(row, 3)

    assert_fault(job, code, words)
    assert job.line == 3
    assert json.loads(job.row or "") == row


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ({}, "It is an object"),
        ([], "The list is empty"),
        (["hi"], "`messages[0]` is a text"),
        ([turn("ok"), turn(None)], "`messages[1].content` is null"),
        ([turn([])], "`messages[0].content` is an empty list"),
        ([turn(["x"])], "`messages[0].content[0]` is not"),
        ([turn([{"type": "text"}])], "`messages[0].content[0]` is not"),
        ([{"content": "x"}], "`messages[0].role` is null"),
        ([turn("x", role="tool")], "`messages[0].role` is `tool`"),
        ([turn("x", role=["user"])], "`messages[0].role` is a list"),
    ],
)
def test_messages_of_the_wrong_shape_name_the_place(messages: object, words: str) -> None:
    assert_fault(parsed({"messages": messages}), ErrorCode.INVALID_MESSAGES, words)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (turn([{"type": "image_url", "image_url": {}}]), "content[0]` of type `image_url`"),
        (turn("x", role="assistant", tool_calls=[{}]), "`messages[0].tool_calls`"),
        (turn("x", **{"n" * 99: 1}), "`messages[0]." + "n" * 39 + "…`"),
    ],
)
def test_what_messages_hold_beside_text_is_not_supported(
    message: dict[str, Any], words: str
) -> None:
    assert_fault(parsed({"messages": [message]}), ErrorCode.UNSUPPORTED_PARAMETER, words)


def test_a_row_that_lacks_a_column_of_the_template_says_which() -> None:
    assert_fault(parsed({"a": 1}, prompt="{a} {b}"), ErrorCode.MISSING_COLUMN, "no `b`")
    assert_fault(parsed({"prompt": "p"}, system="{b}"), ErrorCode.MISSING_COLUMN, "no `b`")


def test_a_bad_line_keeps_its_custom_id() -> None:
    assert parsed({"custom_id": "mine"}).custom_id == "mine"
    assert parsed({"text": "x"}, 4).custom_id == "row-4"
    assert parsed({"custom_id": 5}).custom_id is None


def test_a_line_that_cannot_be_read_has_neither_row_nor_custom_id() -> None:
    job = parsed(b"{", 5)

    assert_fault(job, ErrorCode.INVALID_JSON, "")
    assert (job.line, job.custom_id, job.row) == (5, None, None)


def test_models_are_looked_up_once_each() -> None:
    asked = []

    def resolve(name: str, endpoint: str) -> ModelChoice:
        asked.append(name)
        return ModelChoice(name, "mlx")

    parser = LineParser(DEMO, Overrides(), resolve)
    for _ in range(3):
        parser.parse(line({"prompt": "p", "model": "a"}))

    assert asked == ["a"]


WORDS = st.sampled_from(
    [
        *("custom_id", "method", "url", "body", "messages", "prompt", "system", "model", "role"),
        *("content", "type", "text", "user", "POST", "/v1/chat/completions", "seed", "stop"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=12,
)


@given(data=VALUES.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_whatever_a_line_holds_it_becomes_one_job(data: bytes) -> None:
    job = parsed(data, 9)

    assert job.line == 9
    assert (job.body is None) == (job.error_code is not None)


@settings(max_examples=50)
@given(body=st.dictionaries(WORDS, VALUES))
def test_whatever_a_body_holds_it_becomes_one_job(body: dict[str, Any]) -> None:
    job = parsed(openai_line(**body))

    assert (job.body is None) == (job.error_code is not None)


def test_a_request_is_known_again_whatever_its_line_and_the_rest_of_its_row() -> None:
    first = parsed({"prompt": "p", "note": "before"}, 1)
    later = parsed({"custom_id": "x", "prompt": "p"}, 2)
    other = parsed({"prompt": "p!"}, 1)

    assert first.hash == later.hash
    assert first.hash != other.hash
