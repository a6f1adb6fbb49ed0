"""From the bytes of one line to the JSON object in it, or to what is wrong with them."""

import re
from typing import Any

import msgspec

from jobs.codes import ErrorCode
from jobs.errors import RowError

#: A line nested this deep, its outermost object counted, is refused.
MAX_DEPTH = 100

_decode = msgspec.json.Decoder().decode

_BRACKET_OUTSIDE_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)

#: Goes from escape to escape, so that the second half of `\\\\` is never taken for the first.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u0000|u[dD][89a-fA-F]..)|.)", re.DOTALL
)


def decode_object(data: bytes) -> tuple[str, dict[str, Any]]:
    """The text of a line, fit to be stored and written as one line, and the object that it is.

    Raises `RowError` with the code of the first thing that is wrong.
    """
    text = _text(data)
    if not _is_flat(data) and _depth(data) >= MAX_DEPTH:
        raise RowError(ErrorCode.NESTED_TOO_DEEP)
    value = _json(data)
    if not isinstance(value, dict):
        raise RowError(ErrorCode.NOT_AN_OBJECT, f"It is {kind_of(value)}.")
    # A carriage return can only stand between tokens here; some readers would end the line at it.
    return text.replace("\r", " "), value


def kind_of(value: object) -> str:
    """What JSON calls a value, with its article, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise RowError(ErrorCode.INVALID_UTF8, f"See byte {error.start + 1} of it.") from None


def _is_flat(data: bytes) -> bool:
    """Whether a line has too few brackets to nest deep; most have no more than their own."""
    if b"[" not in data and data.find(b"{", 1) < 0:
        return True
    return data.count(b"[") + data.count(b"{") < MAX_DEPTH


def _depth(data: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKET_OUTSIDE_STRINGS.finditer(data):
        if bracket.group(1):
            depth += 1
            deepest = max(deepest, depth)
        elif bracket.group(2):
            depth -= 1
    return deepest


def _json(data: bytes) -> Any:
    try:
        value = _decode(data)
    except msgspec.MsgspecError as error:
        # To the decoder a NUL or half of a surrogate pair is a malformed text.
        _refuse_unstorable(data)
        raise RowError(ErrorCode.INVALID_JSON, f"{error}.") from None
    if b"\\" in data and b"\\u0000" in data:
        _refuse_unstorable(data)
    return value


def _refuse_unstorable(data: bytes) -> None:
    if (nul := data.find(b"\0")) >= 0:
        raise RowError(ErrorCode.UNSTORABLE_TEXT, f"See byte {nul + 1} of it.")
    for escape in _ESCAPE.finditer(data):
        if escape.group(1):
            shown = escape.group().decode(errors="replace")
            where = f"See `{shown}` at byte {escape.start() + 1} of it."
            raise RowError(ErrorCode.UNSTORABLE_TEXT, where)
