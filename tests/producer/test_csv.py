"""CSV as it is read: whatever was written comes out, and what is wrong costs its own line only."""

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jobs.codes import ErrorCode
from jobs.errors import InputError
from producer.csv_records import read_records
from producer.csv_rows import delimiter_of, read_csv
from producer.raw import Line, TextLine
from producer.source import Source


def read(data: bytes | str, encoding: str = "utf-8") -> list[Line]:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(data.encode() if isinstance(data, str) else data)
        file.flush()
        return list(read_csv(Source(Path(file.name)), encoding))


def rows(data: bytes | str, encoding: str = "utf-8") -> list[Any]:
    """The rows, and in the place of one that has a fault its number and code."""
    return [
        json.loads(line.data) if line.fault is None else (line.number, line.fault)
        for line in read(data, encoding)
    ]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(
    header=st.lists(texts.filter(str.strip), min_size=1, max_size=4, unique=True),
    data=st.data(),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_what_a_writer_wrote_comes_out_again(
    header: list[str], data: st.DataObject, delimiter: str, quoting: Any
) -> None:
    width = len(header)
    table = data.draw(st.lists(st.lists(texts, min_size=width, max_size=width), max_size=5))
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting)
    writer.writerows([header, *table])
    written = stream.getvalue()
    assume(delimiter_of(written.split("\n")[0]) == delimiter)
    assume(header not in table)
    assume(not written.startswith("\ufeff"))

    assert rows(written) == [dict(zip(header, row, strict=True)) for row in table]


@given(st.text('a",\n\r ', max_size=60))
def test_whatever_stands_in_a_file_no_line_is_lost_or_told_twice(text: str) -> None:
    lines = text.split("\n")
    fed = [TextLine(number, line) for number, line in enumerate(lines, 1)]

    found = list(read_records(fed[0], iter(fed[1:]), ","))

    numbers = [record.number for record in found]
    assert numbers == sorted(set(numbers))
    if '"' not in text and "\r" not in text:
        assert numbers == [number for number, line in enumerate(lines, 1) if line]


def test_every_value_is_a_text_and_lines_are_counted_as_an_editor_does() -> None:
    found = read('\nid,text\n1,"two\nlines"\n\n3,"a ""quoted"" word"\n')

    assert [(line.number, json.loads(line.data)) for line in found] == [
        (3, {"id": "1", "text": "two\nlines"}),
        (6, {"id": "3", "text": 'a "quoted" word'}),
    ]


@pytest.mark.parametrize("data", ["a,b\r\n1,2\r\n", "\ufeffa,b\n1,2", "a;b\n1;2\n", "a\tb\n1\t2\n"])
def test_line_ends_marks_and_separators_of_all_kinds_are_accepted(data: str) -> None:
    assert rows(data) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("1", ErrorCode.RAGGED_ROW),
        ("1,2,3", ErrorCode.RAGGED_ROW),
        ('"1"x,2', ErrorCode.INVALID_CSV),
        ('1,"open', ErrorCode.INVALID_CSV),
        ("a,b", ErrorCode.REPEATED_HEADER),
        ("1,\0", ErrorCode.UNSTORABLE_TEXT),
        ("1\r2,3", ErrorCode.INVALID_CSV),
    ],
)
def test_a_bad_row_costs_itself_alone(bad: str, code: ErrorCode) -> None:
    good = [{"a": "x", "b": "y"}, {"a": "z", "b": ""}]

    assert rows(f"a,b\nx,y\n{bad}\nz,\n") == [good[0], (3, code), good[1]]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest() -> None:
    rest = "".join(f"{number},x\n" for number in range(500))

    found = read(f'a,b\n1,"open\n{rest}')

    assert (found[0].number, found[0].fault) == (2, ErrorCode.INVALID_CSV)
    assert "not closed by the end of the file" in found[0].detail
    assert [json.loads(line.data)["a"] for line in found[1:]] == [str(n) for n in range(500)]


def test_a_row_after_a_wrong_quote_is_read_even_if_it_goes_over_lines() -> None:
    found = rows('a,b\n1,"open\n2,x\n3,"two\nlines"\n')

    assert found == [
        (2, ErrorCode.INVALID_CSV),
        {"a": "2", "b": "x"},
        {"a": "3", "b": "two\nlines"},
    ]


def test_a_record_that_grows_too_long_is_given_up_and_its_lines_are_read() -> None:
    lines = [TextLine(1, "a,b"), TextLine(2, '1,"open'), *(TextLine(n, "x,y") for n in range(3, 9))]

    _, first, *others = read_records(lines[0], iter(lines[1:]), ",", max_record=20)

    assert (first.number, first.fault) == (2, ErrorCode.INVALID_CSV)
    assert "not closed within" in first.detail
    assert [(record.number, record.fields) for record in others] == [
        (number, ["x", "y"]) for number in range(3, 9)
    ]


def test_a_field_may_be_longer_than_the_library_would_have_it() -> None:
    assert rows(f"a,b\n1,{'x' * 200_000}\n") == [{"a": "1", "b": "x" * 200_000}]


def test_a_line_in_another_encoding_costs_itself_and_names_the_way_out() -> None:
    data = "a,b\n1,Größe\n2,ok\n".encode("latin-1")

    assert rows(data) == [(2, ErrorCode.INVALID_UTF8), {"a": "2", "b": "ok"}]
    assert "--encoding" in ErrorCode.INVALID_UTF8.way_out
    assert rows(data, "iso8859-1") == [{"a": "1", "b": "Größe"}, {"a": "2", "b": "ok"}]


def test_a_fault_inside_a_quoted_field_costs_its_record() -> None:
    assert rows(b'a,b\n1,"x\ny \xff\nz"\n2,ok\n') == [
        (2, ErrorCode.INVALID_UTF8),
        {"a": "2", "b": "ok"},
    ]


def test_utf_16_is_read_when_it_is_named() -> None:
    assert rows("a\tb\n1\tü\n".encode("utf-16"), "utf-16") == [{"a": "1", "b": "ü"}]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("a,,b,", "columns without a name: number 2, 4"),
        ("a,b,a,b", "more than one column of the same name: a, b"),
        ('"a,b', "The header of"),
        (b"a,\xff", "--encoding"),
        ("a,b".encode("utf-16"), "Say so with --encoding utf-16"),
    ],
)
def test_a_header_that_tells_columns_not_apart_is_refused(header: bytes | str, words: str) -> None:
    data = header.encode() if isinstance(header, str) else header

    with pytest.raises(InputError) as caught:
        read(data + b"\n1,2\n")

    assert words in str(caught.value)


def test_in_a_file_of_one_column_a_value_may_be_its_name() -> None:
    assert rows("word\nother\nword\n") == [{"word": "other"}, {"word": "word"}]


def test_only_a_header_is_no_row() -> None:
    assert rows("a,b\n") == rows("") == rows("\n \n") == []
