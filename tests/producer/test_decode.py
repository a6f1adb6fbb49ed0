import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.codes import ErrorCode
from jobs.errors import RowError
from producer.decode import MAX_DEPTH, decode_object

KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | KEYS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def fault_of(data: bytes) -> ErrorCode:
    with pytest.raises(RowError) as caught:
        decode_object(data)
    return caught.value.code


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    inner = depth - 1
    return f'{{"x": {opening * inner}{closing * inner}}}'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"{", b"", b"{'a': 1}", b'{"a": 1,}', b'{"a": NaN}', b'{"a": Infinity}', b'{"a":-Infinity}',
        b'{"a": 1} x', b'{"a": 1}{"b": 2}', b'{"a": 01}', b'{"a": "\x01"}', b"\xef\xbb\xbf{}",
        b'{"a": "\\x"}', b"undefined", b'{"a": 1e999}', b'{"a": "',
    ],
)  # fmt: skip
def test_what_is_not_one_json_value_is_invalid_json(data: bytes) -> None:
    assert fault_of(data) is ErrorCode.INVALID_JSON


@pytest.mark.parametrize("data", [b"[]", b"1", b'"text"', b"null", b"true", b'[{"prompt": "x"}]'])
def test_json_that_is_no_object_is_told_apart(data: bytes) -> None:
    assert fault_of(data) is ErrorCode.NOT_AN_OBJECT


@pytest.mark.parametrize(
    "data", [b'{"a": "\xff"}', b'{"\xc3": 1}', b'\xff\xfe{\0"\0', b'{"a": "\xed\xa0\x80"}']
)
def test_bytes_that_are_no_utf_8_are_told_apart(data: bytes) -> None:
    assert fault_of(data) is ErrorCode.INVALID_UTF8


@pytest.mark.parametrize(
    "data",
    [
        rb'{"a": "\u0000"}', rb'{"\u0000": 1}', rb'{"a": "\\\u0000"}', b'{"a": "\0"}', b"{}\0",
        rb'{"a": "\ud800"}', rb'{"\udfff": 1}', rb'{"a": "\uDC00\uD800"}', rb'{"a": "\ud800x"}',
        rb'{"a": "\ud800\ud800"}', rb'{"a": {"b": ["\uD83D\u0041"]}}',
    ],
)  # fmt: skip
def test_characters_that_no_store_can_hold_are_told_apart(data: bytes) -> None:
    assert fault_of(data) is ErrorCode.UNSTORABLE_TEXT


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (rb'{"a": "\\u0000"}', "\\u0000"),
        (rb'{"a": "\\ud800"}', "\\ud800"),
        (rb'{"a": "\ud83d\ude00"}', "😀"),
        (rb'{"a": "\u00e4\u0001"}', "ä\x01"),
        ('{"a": "\u2028\u2029\u0085"}'.encode(), "\u2028\u2029\u0085"),
        (b'{"a": 123456789012345678901234567890}', 123456789012345678901234567890),
        (b'{"a": 1, "a": 2}', 2),
        (b'{"a": 1e-999}', 0.0),
    ],
)
def test_odd_but_sound_values_are_read(data: bytes, value: object) -> None:
    assert decode_object(data)[1] == {"a": value}


@pytest.mark.parametrize(
    "data",
    [
        nested(MAX_DEPTH),
        nested(5000),
        nested(MAX_DEPTH, '{"k":', "}").replace(b":}", b":1}"),
        b'{"a":' * 200_000,
    ],
)
def test_nesting_of_100_levels_is_refused(data: bytes) -> None:
    assert fault_of(data) is ErrorCode.NESTED_TOO_DEEP


@pytest.mark.parametrize(
    "data",
    [
        nested(MAX_DEPTH - 1),
        json.dumps({"wide": [[]] * 500}).encode(),
        json.dumps({"text": "[" * 500, "quoted": '\\"{' * 500}).encode(),
    ],
    ids=["99", "wide", "in-texts"],
)
def test_brackets_that_do_not_nest_so_deep_are_fine(data: bytes) -> None:
    assert decode_object(data)[1] == json.loads(data)


def test_looking_for_the_depth_takes_no_longer_with_quotes_that_never_close() -> None:
    assert fault_of(b'{"a":' + b'"\\"[' * 300_000) is ErrorCode.INVALID_JSON


def test_the_text_is_fit_for_one_line_whatever_reads_it() -> None:
    text, _ = decode_object(b'{"a":\r1,\r"b": "x\\ry"}')

    assert text == '{"a": 1, "b": "x\\ry"}'


@given(row=st.dictionaries(KEYS, VALUES, max_size=5))
def test_every_object_is_read_as_what_it_is(row: dict[str, Any]) -> None:
    for ascii_only in (True, False):
        text = json.dumps(row, ensure_ascii=ascii_only)

        assert decode_object(text.encode()) == (text, row)


@given(data=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'{"a":"\\')
@example(b'{"a":"\\u')
@example(b"\\ud800")
def test_any_bytes_are_an_object_or_a_row_error(data: bytes) -> None:
    try:
        _, row = decode_object(data)
    except RowError:
        return
    assert isinstance(row, dict)
