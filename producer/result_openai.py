"""Results as OpenAI's output lines, for programs that read those.

A failed request has its status and error body under `response`, as OpenAI's files have it; what
never was a request (a line that could not be read, a cancelled or expired job) has `error`.
"""

from typing import Any

from jobs.codes import ErrorCode
from jobs.model import ResultRow
from producer.result_rows import answer_of, error_of

#: Faults on our side; every other one is the request's.
_SERVER_FAULTS = frozenset(
    {
        ErrorCode.INCOMPLETE,
        ErrorCode.TIMED_OUT,
        ErrorCode.BACKEND_FAILED,
        ErrorCode.POISON,
        ErrorCode.PRIVACY,
    }
)
_NEVER_RAN: dict[str, str] = {
    ErrorCode.CANCELLED: "batch_cancelled",
    ErrorCode.EXPIRED: "batch_expired",
}


def openai_record(result: ResultRow, created: int) -> dict[str, Any]:
    """One output line; `created` is the batch's time in seconds since the epoch."""
    error = error_of(result)
    record: dict[str, Any] = {
        "id": f"batch_req_{result.job_id}",
        "custom_id": result.custom_id,
        "response": None,
        "error": None,
    }
    if error is None:
        return record | {"response": _response(result, 200, _body(result, created))}
    if result.row is None or result.error_code in _NEVER_RAN:
        code = _NEVER_RAN.get(error["code"], error["code"])
        return record | {"error": error | {"code": code}}
    is_ours = result.error_code in _SERVER_FAULTS
    body = {
        "error": {
            "message": error["message"],
            "type": "server_error" if is_ours else "invalid_request_error",
            "param": None,
            "code": error["code"],
        }
    }
    return record | {"response": _response(result, 500 if is_ours else 400, body)}


def _response(result: ResultRow, status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"status_code": status, "request_id": result.job_id, "body": body}


def _body(result: ResultRow, created: int) -> dict[str, Any]:
    return _embedding(result) if result.form == "vector" else _completion(result, created)


def _embedding(result: ResultRow) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": answer_of(result)}],
        "model": result.model,
        "usage": {"prompt_tokens": result.input_tokens, "total_tokens": result.input_tokens},
    }


def _completion(result: ResultRow, created: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": result.text}
    if result.reasoning is not None:
        message["reasoning_content"] = result.reasoning
    return {
        "id": f"chatcmpl-{result.job_id}",
        "object": "chat.completion",
        "created": created,
        "model": result.model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": result.finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": result.input_tokens,
            "completion_tokens": result.output_tokens,
            "total_tokens": result.input_tokens + result.output_tokens,
        },
    }
