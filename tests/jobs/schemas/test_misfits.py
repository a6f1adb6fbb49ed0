"""What is said of a value that does not fit: the place and the rule, never the value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.schemas.misfits import misfit

MOOD = {
    "type": "object",
    "properties": {"mood": {"enum": ["good", "bad"]}, "tags": {"items": {"type": "string"}}},
    "required": ["mood"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"mood": "good", "tags": ["a"]}, None),
        ({"mood": "so-so"}, '/mood: not one of "good", "bad"'),
        ({}, "the answer: lacks `mood`"),
        ("good", "the answer: not an object"),
        ({"mood": "bad", "tags": ["a", 5]}, "/tags/1: not a text"),
        ({"mood": "bad", "x": 1}, "the answer: has properties that the schema does not allow"),
        ({"mood": 1, "tags": [2]}, '/mood: not one of "good", "bad"; /tags/0: not a text'),
    ],
)
def test_a_misfit_is_named_by_its_place(value: Any, words: str | None) -> None:
    assert misfit(MOOD, value) == words


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        ({"type": ["integer", "null"]}, "x", "the answer: not a whole number or null"),
        ({"required": ["a", "b", "c"]}, {"b": 1}, "the answer: lacks `a`, `c`"),
        ({"minLength": 3}, "ab", "the answer: shorter than 3 characters"),
        ({"maximum": 1.5}, 2, "the answer: more than 1.5"),
        ({"pattern": "^a$"}, "b", "the answer: does not match the pattern of the schema"),
        (
            {"anyOf": [{"type": "null"}, {"type": "string"}]},
            1,
            "the answer: fits none of the alternatives",
        ),
        ({"not": {}}, 1, "the answer: breaks the rule `not`"),
        ({"const": 5}, 1, "the answer: not one of 5"),
        ({"enum": list(range(100))}, "x", "the answer: not one of the 100 allowed values"),
        ({"properties": {"a": False}}, {"a": 1}, "the answer: has what is never allowed"),
    ],
)
def test_every_rule_has_its_sentence(schema: dict[str, Any], value: Any, words: str) -> None:
    assert misfit(schema, value) == words


def test_a_name_that_only_the_answer_has_is_not_repeated() -> None:
    schema = {"additionalProperties": {"type": "string"}, "patternProperties": {"^s": {"const": 1}}}

    assert misfit(schema, {"canary": 1}) == "/*: not a text"
    assert misfit(schema, {"secret": "canary"}) == "/*: not one of 1"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("жш", min_size=1),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("жш", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=VALUES, limit=st.integers(0, 3))
def test_no_value_is_ever_quoted(value: Any, limit: int) -> None:
    rules = {"type": "object", "minLength": limit, "maxItems": limit, "pattern": "q"}
    schema = {"anyOf": [rules, {"additionalProperties": rules, "items": rules}, {"const": None}]}

    said = misfit(schema, value) or ""

    assert not set(said) & set("жш")
