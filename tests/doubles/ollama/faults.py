"""What a daemon can be told to do wrong with the next requests that carry a prompt."""

import json
from dataclasses import dataclass, field
from typing import Literal

from tests.doubles.ollama import says


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Answers with this instead."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Streams:
    """Streams these lines instead, then ends well-formed or breaks the connection."""

    lines: tuple[bytes, ...]
    then: Literal["ends", "breaks", "hangs"] = "ends"


@dataclass(frozen=True)
class Hangs:
    """Says nothing, not even headers, until the client goes."""


@dataclass(frozen=True)
class Closes:
    """Closes the connection at once."""


Fault = Answers | Streams | Hangs | Closes


def error(status: int, text: str) -> Answers:
    """An error as Ollama puts it."""
    return Answers(status=status, body=json.dumps({"error": text}).encode())


def html(status: int = 200) -> Answers:
    """A page, as of some other server."""
    return Answers(status=status, body=b"<html><body>Hello</body></html>", content_type="text/html")


def garbage() -> Answers:
    """Bytes that are nothing, said to be a stream."""
    return Answers(body=b"\x00\xff{{{\n!\n", content_type="application/x-ndjson")


def foreign_host() -> Answers:
    """What a daemon on loopback says to a Host header that is not its own."""
    return Answers(status=403)


def redirect(status: int, to: str) -> Answers:
    """Sends the client elsewhere."""
    return Answers(status=status, headers={"Location": to})


def error_mid_stream(text: str = says.CRASHED) -> Streams:
    """The status stays 200, and a line says what went wrong."""
    return Streams(lines=(line("half "), json.dumps({"error": text}).encode() + b"\n"))


def ends_without_done() -> Streams:
    """Half an answer that looks like a whole one."""
    return Streams(lines=(line("half "), line("an ")))


def breaks_mid_stream() -> Streams:
    """The connection breaks within an answer."""
    return Streams(lines=(line("half "),), then="breaks")


def stalls_mid_stream() -> Streams:
    """Tokens come, and then none."""
    return Streams(lines=(line("half "),), then="hangs")


def repeat_abort() -> Streams:
    """How daemons end a model that says one token for ever: cleanly, and without `done`."""
    return Streams(lines=(line("no "),) * 31)


def repeat_error() -> Streams:
    """The same since the fix: an error."""
    return error_mid_stream(says.REPEATED)


def answered_remotely(model: str) -> Streams:
    """An answer that says of itself that it was made elsewhere."""
    return Streams(
        lines=(
            line("hello ", remote_model="big:120b", remote_host="https://ollama.com:443"),
            line("", model=model, done=True, done_reason="stop", eval_count=1),
        )
    )


def line(text: str, *, model: str = "", **more: object) -> bytes:
    """A line of a streamed chat."""
    turn = {"role": "assistant", "content": text}
    fields: dict[str, object] = {
        "created_at": "2026-11-20T00:00:00Z",
        "message": turn,
        "done": False,
    }
    if model:
        fields["model"] = model
    return json.dumps({**fields, **more}).encode() + b"\n"
