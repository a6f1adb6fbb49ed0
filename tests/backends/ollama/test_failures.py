"""Every row of the reference's tables of errors, and the decision it comes to."""

import json

import pytest

from backends.errors import (
    AlterAndRetryError,
    BackendError,
    CrashedError,
    ParkBackendError,
    PrivacyBreachError,
    RefusedError,
    RetryLaterError,
    RetryNowError,
)
from backends.ollama.decisions import TooLongError
from backends.ollama.failure import Failure
from backends.ollama.failures import decide
from jobs.codes import ErrorCode
from tests.doubles.ollama import says

SECRET = "the-code-word"


def failure(status: int, body: bytes | dict[str, object] | str, **more: object) -> Failure:
    if isinstance(body, str):
        body = {"error": body}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Failure(status=status, body=raw, model="m:1b", alone=False, **more)


TABLE: list[tuple[str, int, bytes | dict[str, object] | str, type[BackendError], ErrorCode]] = [
    # 2.4, row by row
    ("empty body", 400, "missing request body", RefusedError, ErrorCode.REFUSED),
    (
        "bad JSON",
        400,
        "invalid character 'n' looking for beginning of object key string",
        RefusedError,
        ErrorCode.REFUSED,
    ),
    ("bad think", 400, 'invalid think value: "hard"', RefusedError, ErrorCode.REFUSED),
    ("no model", 404, "model 'x' not found", RefusedError, ErrorCode.UNKNOWN_MODEL),
    (
        "no model to embed",
        404,
        'model "x" not found, try pulling it first',
        RefusedError,
        ErrorCode.UNKNOWN_MODEL,
    ),
    ("no name", 400, "model is required", RefusedError, ErrorCode.UNKNOWN_MODEL),
    ("no valid name", 400, "invalid model name", RefusedError, ErrorCode.UNKNOWN_MODEL),
    ("no chat", 400, '"x" does not support chat', RefusedError, ErrorCode.UNSUPPORTED_ENDPOINT),
    (
        "no generate",
        400,
        '"x" does not support generate',
        RefusedError,
        ErrorCode.UNSUPPORTED_ENDPOINT,
    ),
    (
        "no thinking",
        400,
        '"x" does not support thinking',
        RefusedError,
        ErrorCode.UNSUPPORTED_ENDPOINT,
    ),
    ("no tools", 400, "x does not support tools", RefusedError, ErrorCode.UNSUPPORTED_ENDPOINT),
    ("queue full", 503, says.BUSY, RetryLaterError, ErrorCode.BACKEND_FAILED),
    ("client gone", 499, says.CANCELED, RetryLaterError, ErrorCode.BACKEND_FAILED),
    ("runner died", 500, says.DIED, CrashedError, ErrorCode.BACKEND_FAILED),
    ("runner died in mid-answer", 500, says.CRASHED, CrashedError, ErrorCode.BACKEND_FAILED),
    (
        "runner died before the next in line",
        500,
        "llama runner process no longer running: -1 ",
        CrashedError,
        ErrorCode.BACKEND_FAILED,
    ),
    (
        "runner died embedding",
        400,
        'do embedding request: Post "http://127.0.0.1:39001/embedding": EOF',
        CrashedError,
        ErrorCode.BACKEND_FAILED,
    ),
    (
        "runner died before the prompt was cut",
        500,
        'Post "http://127.0.0.1:39001/tokenize": EOF',
        CrashedError,
        ErrorCode.BACKEND_FAILED,
    ),
    ("too long, plain", 400, says.TOO_LONG, TooLongError, ErrorCode.PROMPT_TOO_LONG),
    (
        "too long, nested",
        400,
        says.too_long("llama-server", 900, 512).body,
        TooLongError,
        ErrorCode.PROMPT_TOO_LONG,
    ),
    (
        "too long, MLX",
        400,
        says.too_long("mlx", 900, 512).body,
        TooLongError,
        ErrorCode.PROMPT_TOO_LONG,
    ),
    (
        "too long to embed",
        400,
        "the input length exceeds the context length",
        TooLongError,
        ErrorCode.PROMPT_TOO_LONG,
    ),
    ("cloud is off", 403, says.CLOUD_DISABLED, RefusedError, ErrorCode.PRIVACY),
    ("not signed in", 401, dict(says.SIGN_IN), PrivacyBreachError, ErrorCode.PRIVACY),
    ("remote not allowed", 400, says.CANNOT_RUN_REMOTE, RefusedError, ErrorCode.PRIVACY),
    ("cloud unreachable", 502, says.UPSTREAM_LOST, PrivacyBreachError, ErrorCode.PRIVACY),
    ("stub's host unreachable", 500, says.UPSTREAM_LOST, PrivacyBreachError, ErrorCode.PRIVACY),
    (
        "stub's host unreachable, without TLS",
        500,
        'Post "http://models.example:11434/api/chat": EOF',
        PrivacyBreachError,
        ErrorCode.PRIVACY,
    ),
    (
        "stub, upstream error",
        429,
        says.upstream(429, "Too Many", "slow down").body,
        PrivacyBreachError,
        ErrorCode.PRIVACY,
    ),
    # beside the table: 2.1, 2.2, 2.4's end, 2.7
    ("foreign host header", 403, b"", ParkBackendError, ErrorCode.BACKEND_FAILED),
    ("other method", 405, b"405 method not allowed", ParkBackendError, ErrorCode.BACKEND_FAILED),
    ("wrong type", 500, 'option "top_k" must be of type integer', RefusedError, ErrorCode.REFUSED),
    (
        "no schema",
        500,
        'invalid format: 3; expected "json" or a valid JSON Schema object',
        RefusedError,
        ErrorCode.INVALID_SCHEMA,
    ),
    (
        "no schema for its grammar",
        500,
        "invalid JSON schema in format",
        RefusedError,
        ErrorCode.INVALID_SCHEMA,
    ),
    (
        "no schema for llama-server",
        400,
        says.no_grammar("llama-server").body,
        RefusedError,
        ErrorCode.INVALID_SCHEMA,
    ),
    (
        "no vectors",
        501,
        "this model does not support embeddings",
        RefusedError,
        ErrorCode.UNSUPPORTED_ENDPOINT,
    ),
    ("repeat abort", 500, says.REPEATED, AlterAndRetryError, ErrorCode.BACKEND_FAILED),
    ("no memory", 500, says.NO_MEMORY, ParkBackendError, ErrorCode.BACKEND_FAILED),
    (
        "no memory to load into",
        500,
        "failed to allocate memory for model",
        ParkBackendError,
        ErrorCode.BACKEND_FAILED,
    ),
    (
        "cloud wants money",
        403,
        "this model requires a subscription, upgrade for access: x",
        PrivacyBreachError,
        ErrorCode.PRIVACY,
    ),
    (
        "cloud quota",
        429,
        "you (me) have reached your weekly usage limit, x",
        PrivacyBreachError,
        ErrorCode.PRIVACY,
    ),
    ("cloud busy", 429, "too many concurrent requests", PrivacyBreachError, ErrorCode.PRIVACY),
    (
        "cloud slots",
        429,
        "timed out waiting for a concurrent request slot",
        PrivacyBreachError,
        ErrorCode.PRIVACY,
    ),
    (
        "cloud overload",
        503,
        "Server overloaded, please retry shortly (ref: 1)",
        PrivacyBreachError,
        ErrorCode.PRIVACY,
    ),
    ("model retired", 410, "gone", RefusedError, ErrorCode.UNKNOWN_MODEL),
    # what stands before an Ollama, or is none
    ("proxy wants a key", 401, b"<html>401</html>", ParkBackendError, ErrorCode.BACKEND_FAILED),
    ("proxy finds none", 502, b"<html>502</html>", RetryLaterError, ErrorCode.BACKEND_FAILED),
    (
        "proxy finds none, in JSON",
        502,
        {"detail": "bad gateway"},
        RetryLaterError,
        ErrorCode.BACKEND_FAILED,
    ),
    (
        "proxy finds none, at length",
        502,
        {"error": "bad gateway", "status": 502},
        RetryLaterError,
        ErrorCode.BACKEND_FAILED,
    ),
    (
        "proxy finds none, nested",
        502,
        {"error": {"message": "bad gateway"}},
        RetryLaterError,
        ErrorCode.BACKEND_FAILED,
    ),
    ("proxy finds none, listed", 502, b"[]", RetryLaterError, ErrorCode.BACKEND_FAILED),
    (
        "proxy forbids, in JSON",
        403,
        {"detail": "forbidden"},
        ParkBackendError,
        ErrorCode.BACKEND_FAILED,
    ),
    (
        "proxy knows no such page, in JSON",
        404,
        {"detail": "not found"},
        ParkBackendError,
        ErrorCode.BACKEND_FAILED,
    ),
    ("forbidden, in Ollama's way", 403, "forbidden", PrivacyBreachError, ErrorCode.PRIVACY),
    ("lost, in Ollama's way", 502, "bad gateway", PrivacyBreachError, ErrorCode.PRIVACY),
    ("proxy waited", 504, b"", RetryLaterError, ErrorCode.BACKEND_FAILED),
    ("proxy is busy", 429, b"slow down", RetryLaterError, ErrorCode.BACKEND_FAILED),
    ("no such page", 404, b"<html>404</html>", ParkBackendError, ErrorCode.BACKEND_FAILED),
    ("a page", 500, b"<html>oops</html>", RetryNowError, ErrorCode.BACKEND_FAILED),
    ("new words", 500, "something new", RetryNowError, ErrorCode.BACKEND_FAILED),
    ("not an object", 500, b"[1]", RetryNowError, ErrorCode.BACKEND_FAILED),
    ("nested too deep", 500, b"[" * 5000, RetryNowError, ErrorCode.BACKEND_FAILED),
    ("no error at all", 204, b"", RetryNowError, ErrorCode.BACKEND_FAILED),
]


@pytest.mark.parametrize(
    ("status", "body", "decision", "code"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_each_error_of_the_reference_comes_to_its_decision(
    status: int,
    body: bytes | dict[str, object] | str,
    decision: type[BackendError],
    code: ErrorCode,
) -> None:
    decided = decide(failure(status, body))
    assert (type(decided), decided.code) == (decision, code)


@pytest.mark.parametrize(("row"), TABLE, ids=[row[0] for row in TABLE])
def test_no_message_has_words_of_the_answer(
    row: tuple[str, int, bytes | dict[str, object] | str, type[BackendError], ErrorCode],
) -> None:
    _, status, body, *_ = row
    if isinstance(body, str):
        body = f"{body} {SECRET}"
    elif isinstance(body, dict):
        body = {key: f"{said} {SECRET}" for key, said in body.items()}
    else:
        body = body + SECRET.encode()
    assert SECRET not in str(decide(failure(status, body)))


@pytest.mark.parametrize(
    "text",
    [
        "Failed to parse input at pos 3: you have reached your usage limit, out of memory",
        f"something new: {'x' * 300} out of memory",
        "something new: you have reached your weekly usage limit",
        "something new: cannot run this remote model",
        'something new: Post "https://ollama.com:443/api/chat": EOF',
    ],
)
def test_what_a_model_may_have_said_decides_nothing(text: str) -> None:
    assert type(decide(failure(500, text))) is RetryNowError


@pytest.mark.parametrize(
    ("body", "hint"), [(b"", "host name"), (b'{"detail": "no"}', "key_file"), (b"<p>", "key_file")]
)
def test_who_forbids_is_told_apart_by_having_words(body: bytes, hint: str) -> None:
    assert hint in str(decide(failure(403, body)))


@pytest.mark.parametrize("engine", ["llama-server", "mlx"])
def test_a_prompt_that_is_too_long_is_known_by_its_tokens_where_they_were_counted(
    engine: str,
) -> None:
    decided = decide(failure(400, says.too_long(engine, 900, 512).body))
    assert isinstance(decided, TooLongError)
    assert decided.tokens == 900
    assert "900 tokens" in str(decided)


@pytest.mark.parametrize("alone", [True, False])
def test_a_runner_that_died_is_charged_to_who_was_alone_with_it(alone: bool) -> None:
    body = json.dumps({"error": says.DIED}).encode()
    decided = decide(Failure(status=500, body=body, model="m", alone=alone))
    assert isinstance(decided, CrashedError)
    assert decided.alone is alone


@pytest.mark.parametrize(
    ("header", "after_s"), [("", 5.0), ("7", 7.0), ("999999", 3600.0), ("soon", 5.0)]
)
def test_who_is_busy_may_say_for_how_long(header: str, after_s: float) -> None:
    decided = decide(failure(503, b"", retry_after=header))
    assert isinstance(decided, RetryLaterError)
    assert decided.after_s == after_s
