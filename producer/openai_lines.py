"""Lines of OpenAI's batch files: `{"custom_id": …, "method": "POST", "url": …, "body": {…}}`."""

from collections.abc import Container
from typing import Any, NamedTuple

from jobs.codes import ErrorCode
from jobs.errors import RowError
from jobs.model import Message
from producer.decode import kind_of
from producer.embeddings import read_input
from producer.messages import read_messages, shown
from producer.parameters import read_sampling

_CHAT = "/v1/chat/completions"
_EMBEDDINGS = "/v1/embeddings"
_FIELDS = frozenset({"custom_id", "method", "url", "body"})
_READ_HERE = frozenset({"model", "messages"})


class OpenAIRequest(NamedTuple):
    """What the body of a line asks for."""

    model: str | None
    messages: tuple[Message, ...]
    #: Fields of a `GenerationRequest`.
    sampling: dict[str, Any]


def is_openai_line(line: dict[str, Any]) -> bool:
    """Whether an object is meant as an OpenAI line; everything else is a row.

    It is, if it has an object as `body` beside a `url` or a `method`, or if its `url` is a path
    of the API (`/v1/…`) and it has a `method`. A crawled page with `url` and `body` is a row, for
    its body is text.
    """
    if "url" not in line and "method" not in line:
        return False
    return isinstance(line.get("body"), dict) or _is_api_call(line)


def read_openai_line(line: dict[str, Any], overridden: Container[str]) -> OpenAIRequest:
    """What an OpenAI line asks for; raises `RowError`.

    Sampling fields in `overridden` are left out unjudged, and `model` when it is among them.
    """
    if line.get("method") != "POST":
        raise RowError(ErrorCode.UNKNOWN_METHOD, _found(line, "method"))
    _refuse_other_endpoints(line)
    for name in line.keys() - _FIELDS:
        detail = f"It is `{shown(name)}`, beside `body`."
        raise RowError(ErrorCode.UNSUPPORTED_PARAMETER, detail)
    body = line.get("body")
    if not isinstance(body, dict):
        raise RowError(ErrorCode.INVALID_MESSAGES, "There is no `body` that holds them.")
    model = None if "model" in overridden else _model(body.get("model"))
    if line.get("url") == _EMBEDDINGS:
        return OpenAIRequest(model, read_input(body), {"endpoint": "embeddings"})
    messages = read_messages(body.get("messages"))
    rest = {name: value for name, value in body.items() if name not in _READ_HERE}
    return OpenAIRequest(model, messages, read_sampling(rest, overridden))


def _is_api_call(line: dict[str, Any]) -> bool:
    url = line.get("url")
    return "method" in line and isinstance(url, str) and url.startswith("/v1/")


def _refuse_other_endpoints(line: dict[str, Any]) -> None:
    url = line.get("url")
    if url not in (_CHAT, _EMBEDDINGS):
        raise RowError(ErrorCode.UNKNOWN_URL, _found(line, "url"))


def _model(value: object) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    found = "empty" if value == "" else kind_of(value)
    raise RowError(ErrorCode.UNKNOWN_MODEL, f"`model` is {found}.")


def _found(line: dict[str, Any], name: str) -> str:
    value = line.get(name)
    if isinstance(value, str):
        return f"It is `{shown(value)}`."
    return f"It is {kind_of(value)}." if name in line else "It is missing."
