"""What the columns of a table hold, found out from all of their values."""

import math
from collections.abc import Iterable
from enum import Enum, auto
from typing import Any

import msgspec

#: Digits up to which a whole number is the same as a floating-point one.
_EXACT_DIGITS = 15
_LARGEST = 2**63 - 1

_LITERALS = {b"n": "null", b"t": "bool", b"f": "bool", b'"': "text", b"{": "json", b"[": "json"}

_text_of = msgspec.json.Decoder(str).decode
_value_of = msgspec.json.Decoder().decode


class Type(Enum):
    """How the values of a column are stored."""

    TEXT = auto()
    BOOL = auto()
    INTEGER = auto()
    FLOAT = auto()
    VECTOR = auto()


def kind_of(raw: bytes) -> str:
    """What sort of JSON value this is; the kinds of all values of a column make its type."""
    return _LITERALS.get(raw[:1]) or _kind_of_number(raw)


def type_of(kinds: Iterable[str]) -> Type:
    """The narrowest type that holds values of these kinds without a loss; text holds all."""
    there_are = set(kinds) - {"null"}
    match sorted(there_are):
        case ["bool"]:
            return Type.BOOL
        case ["vector"]:
            return Type.VECTOR
        case ["int"] | ["long"] | ["int", "long"]:
            return Type.INTEGER
        case ["float"] | ["float", "int"]:
            return Type.FLOAT
    return Type.TEXT


def as_text(raw: bytes) -> str | None:
    """A value as text: strings as they are, everything else as JSON; None for null."""
    if raw[:1] == b'"':
        return _text_of(raw)
    return None if raw == b"null" else raw.decode()


def value_of(raw: bytes) -> Any:
    """A value of a column that is not text."""
    return _value_of(raw)


def _kind_of_number(raw: bytes) -> str:
    if raw.lstrip(b"-").isdigit():
        if len(raw) <= _EXACT_DIGITS:
            return "int"
        return "long" if abs(int(raw)) <= _LARGEST else "huge"
    return "float" if math.isfinite(float(raw)) else "huge"
