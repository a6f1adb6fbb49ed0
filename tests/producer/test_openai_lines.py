import json
from typing import Any

import pytest

from jobs.codes import ErrorCode
from jobs.model import NewJob
from tests.producer.by_hand import line, openai_line, parser


def parsed(value: object, **flags: Any) -> NewJob:
    return parser(**flags).parse(line(value))


def request_of(job: NewJob) -> dict[str, Any]:
    assert job.error_code is None, job.error_message
    request: dict[str, Any] = json.loads(job.body or "")
    return request


def test_an_openai_line_is_a_job_of_its_own_kind() -> None:
    job = parsed(openai_line("mine", model="qwen", max_tokens=7))

    assert (job.kind, job.custom_id, job.model, job.pool) == ("openai", "mine", "qwen", "ollama")
    assert request_of(job)["max_tokens"] == 7


def test_all_honoured_fields_arrive_and_the_ignored_ones_change_nothing() -> None:
    honoured = {"max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "seed": -4, "stop": ["a", "b"]}
    ignored = {"user": "u", "metadata": {"a": "b"}, "store": True}

    job = parsed(openai_line(**honoured, **ignored))

    assert (
        request_of(job)
        == {
            "model": "demo",
            "messages": [{"role": "user", "content": "hi"}],
        }
        | honoured
    )
    assert job.hash == parsed(openai_line(**honoured)).hash


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("max_completion_tokens", 3, "max_tokens", 3),
        ("temperature", 2, "temperature", 2.0),
        ("top_p", 0.1, "top_p", 0.1),
        ("stop", "end", "stop", ["end"]),
        ("stop", ["x"] * 16, "stop", ["x"] * 16),
    ],
)
def test_values_at_the_edge_are_honoured(
    name: str, value: object, field: str, expected: object
) -> None:
    assert request_of(parsed(openai_line(**{name: value})))[field] == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0), ("temperature", 0.0), ("top_p", 1), ("max_tokens", 1024), ("stop", []),
        ("n", 1), ("stream", False), ("logprobs", False), ("frequency_penalty", 0),
        ("presence_penalty", 0.0), ("response_format", {"type": "text"}),
        ("temperature", None), ("tools", None), ("seed", None), ("messages_extra", None),
    ],
)  # fmt: skip
def test_values_that_are_the_default_or_mean_nothing_leave_the_request_as_it_is(
    name: str, value: object
) -> None:
    assert parsed(openai_line(**{name: value})).hash == parsed(openai_line()).hash


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 0), ("max_tokens", True), ("max_tokens", 1.5), ("max_tokens", "9"),
        ("max_tokens", 2**31), ("max_completion_tokens", -1), ("temperature", 2.01),
        ("temperature", -0.1), ("temperature", "0"), ("temperature", True), ("top_p", 0),
        ("top_p", 1.1), ("seed", 1.0), ("seed", False), ("seed", 2**63), ("stop", ""),
        ("stop", [""]), ("stop", 5), ("stop", ["x"] * 17), ("stop", [["x"]]), ("stop", {}),
    ],
)  # fmt: skip
def test_a_parameter_out_of_its_range_is_named(name: str, value: object) -> None:
    job = parsed(openai_line(**{name: value}))

    assert job.error_code is ErrorCode.INVALID_PARAMETER
    assert f"`{name}` must be" in (job.error_message or "")


def test_two_names_for_max_tokens_must_agree() -> None:
    same = parsed(openai_line(max_tokens=5, max_completion_tokens=5))
    other = parsed(openai_line(max_tokens=5, max_completion_tokens=6))

    assert request_of(same)["max_tokens"] == 5
    assert other.error_code is ErrorCode.INVALID_PARAMETER


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2), ("n", True), ("stream", True), ("tools", []), ("logprobs", True),
        ("frequency_penalty", 0.1), ("logit_bias", {}), ("reasoning_effort", "low"),
        ("prompt", "x"), ("temprature", 1),
    ],
)  # fmt: skip
def test_every_other_parameter_fails_the_line_and_is_named(name: str, value: object) -> None:
    job = parsed(openai_line(**{name: value}))

    assert job.error_code is ErrorCode.UNSUPPORTED_PARAMETER
    assert f"`{name}`" in (job.error_message or "")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"method": "GET"}, ErrorCode.UNKNOWN_METHOD, "It is `GET`"),
        ({"method": 5}, ErrorCode.UNKNOWN_METHOD, "It is a number"),
        ({"url": "/v1/responses"}, ErrorCode.UNKNOWN_URL, "It is `/v1/responses`"),
        ({"url": None}, ErrorCode.UNKNOWN_URL, "It is null"),
        ({"body": None}, ErrorCode.INVALID_MESSAGES, "no `body`"),
        ({"body": "text"}, ErrorCode.INVALID_MESSAGES, "no `body`"),
        ({"body": {}}, ErrorCode.INVALID_MESSAGES, "It is null"),
        ({"custom_id": 5}, ErrorCode.INVALID_CUSTOM_ID, "a number"),
        ({"temperature": 0.5}, ErrorCode.UNSUPPORTED_PARAMETER, "`temperature`, beside `body`"),
    ],
)
def test_an_envelope_that_is_not_openais_says_what_is_wrong(
    change: dict[str, Any], code: ErrorCode, words: str
) -> None:
    job = parsed(openai_line() | change)

    assert (job.error_code, job.kind) == (code, "openai")
    assert words in (job.error_message or "")


@pytest.mark.parametrize("name", ["method", "url"])
def test_a_missing_part_of_the_envelope_is_said_to_be_missing(name: str) -> None:
    value = openai_line()
    del value[name]

    assert "It is missing" in (parsed(value).error_message or "")


def test_without_custom_id_the_line_number_names_it() -> None:
    value = openai_line()
    del value["custom_id"]

    assert parsed(value).custom_id == "row-1"


@pytest.mark.parametrize("model", ["", 5, ["demo"], "gpt-4o-mini"])
def test_a_model_that_nobody_has_fails_the_line(model: object) -> None:
    assert parsed(openai_line(model=model)).error_code is ErrorCode.UNKNOWN_MODEL


@pytest.mark.parametrize(
    "row",
    [
        {"url": "https://example.org", "body": "page"},
        {"method": "GET", "url": "https://example.org", "body": "page"},
        {"body": {"messages": []}},
        {"custom_id": "a", "method": "knitting"},
        {"url": "/v1/x"},
    ],
)
def test_rows_that_only_share_some_names_stay_rows(row: dict[str, Any]) -> None:
    job = parsed(row | {"prompt": "p"})

    assert (job.kind, job.error_code) == ("row", None)
