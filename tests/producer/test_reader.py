import tracemalloc
from collections.abc import Iterator
from itertools import pairwise, repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.codes import ErrorCode
from jobs.errors import InputError
from producer.reader import MAX_LINE, Line, read_lines, reader_of


def lines(*blocks: bytes, max_line: int = MAX_LINE) -> list[Line]:
    return list(read_lines(blocks, max_line))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\nb\n", [(1, b"a"), (2, b"b")]),
        (b"a\nb", [(1, b"a"), (2, b"b")]),
        (b"a\r\nb\r\n", [(1, b"a"), (2, b"b")]),
        (b"\n\n a \n\t\nb", [(3, b"a"), (5, b"b")]),
        (b"\xef\xbb\xbfa\nb", [(1, b"a"), (2, b"b")]),
        (b"a\n\xef\xbb\xbfb", [(1, b"a"), (2, b"\xef\xbb\xbfb")]),
        ("a\u2028\u0085\x0bb\rc\n".encode(), [(1, "a\u2028\u0085\x0bb\rc".encode())]),
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b" \r\n\n", []),
    ],
    ids=["plain", "no-newline", "crlf", "blank", "bom", "bom-later", "separators", "empty",
         "only-bom", "only-blank"],
)  # fmt: skip
def test_lines_are_what_stands_between_newlines(
    data: bytes, expected: list[tuple[int, bytes]]
) -> None:
    assert [(line.number, line.data) for line in lines(data)] == expected


@given(
    data=st.binary(max_size=200) | st.text("ab\n\r ").map(str.encode),
    cuts=st.lists(st.integers(0, 200)),
    max_line=st.integers(1, 20),
)
def test_where_the_blocks_end_makes_no_difference(
    data: bytes, cuts: list[int], max_line: int
) -> None:
    data = data.removeprefix(b"\xef\xbb\xbf")
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    blocks = [data[a:b] for a, b in pairwise(ends)]

    assert lines(*blocks, max_line=max_line) == lines(data, max_line=max_line)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_line_that_is_too_long_is_a_fault_and_the_others_are_read(position: int) -> None:
    data = [b"one", b"two", b"three"]
    data[position] = b"x" * 11

    found = lines(b"\n".join(data), max_line=10)

    assert [line.number for line in found] == [1, 2, 3]
    assert found[position] == Line(position + 1, b"", ErrorCode.LINE_TOO_LARGE)
    assert [line.fault for line in found].count(None) == 2


def test_a_line_of_just_the_most_bytes_is_read() -> None:
    assert lines(b"x" * 10, max_line=10) == [Line(1, b"x" * 10)]


def test_a_huge_line_is_never_held() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"first\n"
        yield from repeat(b"x" * 1_000_000, 60)
        yield b"\nlast"

    tracemalloc.start()
    found = list(read_lines(blocks()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [(line.number, line.fault) for line in found] == [
        (1, None),
        (2, ErrorCode.LINE_TOO_LARGE),
        (3, None),
    ]
    assert peak < 3 * MAX_LINE


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.parquet", "a.txt", "a.jsonl.gz"])
def test_formats_that_are_not_read_yet_are_refused_by_name(name: str) -> None:
    with pytest.raises(InputError, match=r"not read yet\. Convert it to JSONL"):
        reader_of(Path(name))


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "a", "a.data"])
def test_every_other_ending_is_read_as_jsonl(name: str) -> None:
    assert reader_of(Path(name)) is read_lines
