"""Does an answer fit its schema? Decided in the process that may be killed over it.

What counts as the JSON of an answer: the whole of it, or the one fenced block (three backticks)
in it. A schema that is a list of words takes one of them as it is, in quotes or not.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec

from jobs.schemas.misfits import allowed_values, misfit
from jobs.schemas.words import words_of
from worker.fitting.frames import Check, Checked

#: Levels of objects and lists, as of rows of the input.
MAX_DEPTH = 100

NO_JSON = "the answer: not one JSON value, by itself or in one fenced block"
TOO_DEEP = f"the answer: nested {MAX_DEPTH} levels deep or deeper"

_FENCE = re.compile(
    r"^[ \t]*```[ \t]*[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL
)
_BRACKET_OUTSIDE_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+"|([\[{])|([\]}])', re.DOTALL)


def fit(check: Check) -> Checked:
    """The verdict on one answer; never raises for what is in it."""
    try:
        return _fit(_decoded(check.schema), _candidates(check.text))
    except RecursionError:
        return _misfit(TOO_DEEP)
    except Exception as error:  # noqa: BLE001  (its text could quote the answer)
        return _misfit(f"the answer: could not be checked ({type(error).__name__})")


def _fit(schema: dict[str, Any], candidates: list[str]) -> Checked:
    words = words_of(schema)
    if words is not None:
        return _one_of(words, candidates)
    for text in candidates:
        try:
            return _fit_json(schema, text)
        except msgspec.DecodeError:
            continue
    return _misfit(NO_JSON)


@lru_cache(maxsize=64)
def _decoded(schema: str) -> dict[str, Any]:
    return msgspec.json.decode(schema, type=dict[str, Any])


def _candidates(answer: str) -> list[str]:
    fenced = _FENCE.findall(answer)
    return [answer.strip(), *(text.strip() for text in fenced if len(fenced) == 1)]


def _one_of(words: list[str], candidates: list[str]) -> Checked:
    for text in candidates:
        for word in (text, _unquoted(text)):
            if word in words:
                return Checked(None, word, "text")
    return _misfit(f"the answer: {allowed_values(words)}")


def _unquoted(text: str) -> str:
    try:
        return msgspec.json.decode(text, type=str)
    except msgspec.DecodeError:
        return text


def _fit_json(schema: dict[str, Any], text: str) -> Checked:
    if _depth(text) >= MAX_DEPTH:
        return _misfit(TOO_DEEP)
    found = misfit(schema, msgspec.json.decode(text))
    if found is not None:
        return _misfit(found)
    # On one line, its numbers as they were written.
    return Checked(None, msgspec.json.format(text, indent=-1), "json")


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKET_OUTSIDE_STRINGS.finditer(text):
        depth += bool(bracket.group(1)) - bool(bracket.group(2))
        deepest = max(deepest, depth)
    return deepest


def _misfit(what: str) -> Checked:
    return Checked(what, "", "text")
