"""An error of Ollama's as it came, and what its body says."""

import re
from typing import Any

import msgspec

#: Characters of a text that say what it is about; behind them, prompts and answers are quoted.
_SAID = 250
#: How Ollama says that another machine was not to be had. With its runners it talks on loopback.
_ON_ITS_WAY_OUT = re.compile(r'post "https?://(?!127\.0\.0\.1[:/])')


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it came: with a status of its own, or as a line in mid-stream (500)."""

    status: int
    body: bytes
    #: The model that was asked.
    model: str
    #: Whether no other prompt was with the server.
    alone: bool
    retry_after: str = ""
    #: Seconds since the epoch.
    now: float = 0.0


class Words(msgspec.Struct, frozen=True):
    """What a body says."""

    text: str = ""
    #: Whether it has the shape of Ollama's own errors: a text as `error` and nothing else.
    is_ollamas: bool = False
    #: Passed on from the cloud, asking for a sign-in to it, or lost on the way there.
    is_of_cloud: bool = False


def read(body: bytes) -> Words:
    """What a body says, whatever it is."""
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return Words(body[:_SAID].decode("utf-8", "replace").casefold())
    if not isinstance(value, dict):
        return Words()
    is_ollamas = value.keys() == {"error"} and isinstance(value["error"], str)
    text = _text_of(value)[:_SAID].casefold()
    is_on_its_way = is_ollamas and _ON_ITS_WAY_OUT.match(text) is not None
    is_of_cloud = "signin_url" in value or "StatusCode" in value or is_on_its_way
    return Words(text, is_ollamas=is_ollamas, is_of_cloud=is_of_cloud)


def _text_of(value: dict[str, Any]) -> str:
    said = value.get("error", "")
    return said if isinstance(said, str) else msgspec.json.encode(said).decode()
