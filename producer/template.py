"""Prompts made of a row's columns.

`{name}` and `{a.b}`, beginning with a letter, are placeholders and nothing else is. `{{` and `}}`
stand for braces; a `}}` that closes two single braces is left as it is, so that nested JSON in a
prompt needs no doubling.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from jobs.codes import ErrorCode
from jobs.errors import RowError

_TOKEN = re.compile(r"\{\{|\{([^\W\d_][\w-]*(?:\.[\w-]+)*)\}|[{}]")

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Column:
    """A placeholder: the name of a column, or the dotted way to a value inside one."""

    name: str

    def find(self, row: Mapping[str, Any]) -> Any:
        """Its value in a row; a column with just this name comes before the way with dots.

        Raises `KeyError` when the row lacks it.
        """
        if self.name in row:
            return row[self.name]
        value: Any = row
        for key in self.name.split("."):
            if not isinstance(value, dict):
                raise KeyError(self.name)
            value = value[key]
        return value

    def is_in(self, row: Mapping[str, Any]) -> bool:
        """Whether a row has it."""
        try:
            self.find(row)
        except KeyError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders, taken apart once and rendered for each row."""

    parts: tuple[str | Column, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a template apart; every text is one."""
        return cls(tuple(_parts(text)))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The placeholders, each once, in the order of their first use."""
        return tuple(dict.fromkeys(part for part in self.parts if isinstance(part, Column)))

    def render(self, row: Mapping[str, Any]) -> str:
        """The text for one row: strings as they are, other values as JSON, none expanded again.

        Raises `RowError` with `missing_column`.
        """
        texts = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            # Found at once in nearly all rows; the rest may take its time.
            value = row[part.name] if part.name in row else _find(part, row)
            texts.append(value if isinstance(value, str) else _encode(value).decode())
        return "".join(texts)


def _find(column: Column, row: Mapping[str, Any]) -> Any:
    try:
        return column.find(row)
    except KeyError:
        raise RowError(ErrorCode.MISSING_COLUMN, f"It has no `{column.name}`.") from None


def _parts(text: str) -> list[str | Column]:
    parts: list[str | Column] = []
    #: For each brace that is open: whether it was written doubled.
    doubled: list[bool] = []
    end = 0
    while token := _TOKEN.search(text, end):
        parts.append(text[end : token.start()])
        end = token.end()
        match token.group():
            case "{" | "{{" as opening:
                doubled.append(opening == "{{")
                parts.append("{")
            case "}":
                is_double = text.startswith("}", end) and (not doubled or doubled[-1])
                end += is_double
                doubled = doubled[:-1]
                parts.append("}")
            case _:
                parts.append(Column(token.group(1)))
    parts.append(text[end:])
    return _merged(parts)


def _merged(parts: list[str | Column]) -> list[str | Column]:
    """The same parts with neighbouring texts joined and empty ones left out."""
    merged: list[str | Column] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part:
            merged.append(part)
    return merged
