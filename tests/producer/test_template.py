from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.codes import ErrorCode
from jobs.errors import RowError
from producer.template import Template

ROW: dict[str, Any] = {"name": "Ada", "a": {"b": 1, "c": {"d": "deep"}}, "n": 2.5, "größe": "L"}

#: Braces, dots and names next to each other are what could go wrong.
TEXTS = st.text(st.sampled_from('{}abcn. _-"1:\\ü\u2028')) | st.text()


def rendered(text: str, row: dict[str, Any] = ROW) -> str:
    return Template.parse(text).render(row)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello {name}!", "Hello Ada!"),
        ("{name}{name}", "AdaAda"),
        ("{a.b} and {a.c.d}", "1 and deep"),
        ("{größe}", "L"),
        ("{{name}}", "{name}"),
        ("{{{name}}}", "{Ada}"),
        ("a }} b {{ c", "a } b { c"),
        ("no placeholder", "no placeholder"),
        ("", ""),
        ("{ name } {1} {} {na me} {-}", "{ name } {1} {} {na me} {-}"),
    ],
)
def test_only_names_in_braces_are_placeholders(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    "json_text",
    ['{"topic": "x", "n": {"m": 1}}', '[{"a": {"b": {"c": {}}}}]', '{\n  "a": {"b": 1}}'],
)
def test_json_in_a_prompt_needs_no_doubling(json_text: str) -> None:
    assert rendered(f"Answer like {json_text} for {{name}}") == f"Answer like {json_text} for Ada"


def test_doubled_braces_around_nested_json_work_too() -> None:
    assert rendered('{{"a": {{"b": 1}}}}') == '{"a": {"b": 1}}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (None, "null"),
        (2.5, "2.5"),
        ([1, "ü"], '[1,"ü"]'),
        ({"k": "v"}, '{"k":"v"}'),
    ],
)
def test_values_that_are_no_text_come_as_json(value: object, expected: str) -> None:
    assert rendered("{x}", {"x": value}) == expected


def test_a_column_with_a_dot_in_its_name_comes_before_the_way_inside() -> None:
    assert rendered("{a.b}", {"a.b": "flat", "a": {"b": "nested"}}) == "flat"


@pytest.mark.parametrize("text", ["{missing}", "{a.missing}", "{name.x}", "{a.b.c}"])
def test_a_row_that_lacks_a_column_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(RowError, match=text[1:-1]) as caught:
        rendered(text)

    assert caught.value.code is ErrorCode.MISSING_COLUMN


def test_columns_come_once_each_in_the_order_of_their_use() -> None:
    columns = Template.parse("{b} {a.x} {b} {{c}}").columns

    assert [column.name for column in columns] == ["b", "a.x"]


@given(value=TEXTS)
def test_values_are_never_expanded_again(value: str) -> None:
    assert rendered("<{name}|{a.b}>", {"name": value, "a": {"b": value}}) == f"<{value}|{value}>"


@given(text=TEXTS)
def test_a_text_with_its_braces_doubled_comes_out_as_it_was(text: str) -> None:
    assert rendered(text.replace("{", "{{").replace("}", "}}"), {}) == text


@given(text=TEXTS)
def test_every_text_is_a_template(text: str) -> None:
    template = Template.parse(text)

    row = {column.name: "x" for column in template.columns}
    assert isinstance(template.render(row), str)


@given(before=TEXTS, value=TEXTS, after=TEXTS)
def test_what_stands_around_a_placeholder_stays(before: str, value: str, after: str) -> None:
    doubled = [text.replace("{", "{{").replace("}", "}}") for text in (before, after)]

    assert rendered("{col}".join(doubled), {"col": value}) == before + value + after
