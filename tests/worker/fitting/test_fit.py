"""What counts as the JSON of an answer, and when an answer fits."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.fitting.fit import NO_JSON, TOO_DEEP, fit
from worker.fitting.frames import Check, Checked

ANY: dict[str, Any] = {}
OBJECT = {"type": "object"}
WORDS = {"type": "string", "enum": ["bug", "praise"]}


def fitted(text: str, schema: dict[str, Any]) -> Checked:
    return fit(Check(text, json.dumps(schema)))


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ('{"a": 1}', '{"a":1}'),
        (' \n[1.50, 1e3,\n "x  y"] \n', '[1.50,1e3,"x  y"]'),
        ('```json\n{"a": 1}\n```', '{"a":1}'),
        ('```\n{"a": 1}\n```', '{"a":1}'),
        ('Here you are:\n\n```json\n{"a":\n 1}\n```\nAnything else?', '{"a":1}'),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ('"text"', '"text"'),
        ("null", "null"),
    ],
)
def test_the_whole_answer_or_its_one_fenced_block_is_the_json(answer: str, kept: str) -> None:
    assert fitted(answer, ANY) == Checked(None, kept, "json")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "text",
        'Here: {"a": 1}',
        '{"a": 1} {"a": 2}',
        '```json\n{"a": 1}\n```\nor\n```json\n{"a": 2}\n```',
        '{"a": 1',
        "{'a': 1}",
        "NaN",
        "1e999",
        '"\\ud800"',
        "```json\nno\n```",
    ],
)
def test_anything_else_is_no_json(answer: str) -> None:
    assert fitted(answer, ANY).misfit == NO_JSON


@pytest.mark.parametrize("depth", [100, 5000, 100_000])
def test_an_answer_nested_too_deep_is_a_misfit(depth: int) -> None:
    assert fitted("[" * depth + "]" * depth, ANY).misfit == TOO_DEEP
    assert fitted("[" * 99 + "]" * 99, {"items": {"$ref": "#"}}).misfit is None


def test_an_answer_that_does_not_fit_says_where() -> None:
    assert fitted("[]", OBJECT).misfit == "the answer: not an object"


@pytest.mark.parametrize("answer", ["bug", " bug\n", '"bug"', "```\nbug\n```"])
def test_one_of_the_words_is_taken_bare(answer: str) -> None:
    assert fitted(answer, WORDS) == Checked(None, "bug", "text")
    assert fitted(answer, {"enum": ["bug"]}) == Checked(None, "bug", "text")


@pytest.mark.parametrize("answer", ["", "Bug", "bug.", "a bug", "'bug'", '["bug"]'])
def test_another_word_is_a_misfit_that_names_the_words(answer: str) -> None:
    assert fitted(answer, WORDS).misfit == 'the answer: not one of "bug", "praise"'


@pytest.mark.parametrize(
    "schema", [{"enum": ["a", 1]}, {"enum": ["a"], "minLength": 1}, {"enum": ["a"], "type": "null"}]
)
def test_any_other_schema_wants_json(schema: dict[str, Any]) -> None:
    assert fitted("a", schema).misfit == NO_JSON


def test_what_the_library_cannot_do_is_a_misfit_without_its_words() -> None:
    said = fitted('{"canary": 1}', {"$ref": "#/nowhere"}).misfit

    assert said is not None
    assert said.startswith("the answer: could not be checked")
    assert "canary" not in said


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(value=VALUES, indent=st.none() | st.integers(0, 3), is_ascii=st.booleans())
def test_every_json_value_comes_out_as_it_went_in_on_one_line(
    value: Any, indent: int | None, is_ascii: bool
) -> None:
    kept = fitted(json.dumps(value, indent=indent, ensure_ascii=is_ascii), ANY)

    assert kept.misfit is None
    assert json.loads(kept.text) == value
    assert "\n" not in kept.text
