import tracemalloc
from collections.abc import Iterator
from itertools import pairwise, repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.codes import ErrorCode
from jobs.errors import InputError, UsageError
from producer.inputs import as_inputs
from producer.jsonl import read_jsonl
from producer.raw import MAX_LINE, Line, known_encoding, split_lines
from producer.source import Source


def lines(*blocks: bytes, max_line: int = MAX_LINE) -> list[Line]:
    return list(split_lines(blocks, max_line))


def jsonl(folder: Path, data: bytes, encoding: str = "utf-8") -> list[Line]:
    path = folder / "in.jsonl"
    path.write_bytes(data)
    return list(read_jsonl(Source(path), encoding))


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
def test_lines_of_json_are_what_stands_between_newlines_but_for_blanks(
    tmp_path: Path, data: bytes, expected: list[tuple[int, bytes]]
) -> None:
    assert [(line.number, line.data) for line in jsonl(tmp_path, data)] == expected


@given(
    data=st.binary(max_size=200) | st.text("ab\n\r ").map(str.encode),
    cuts=st.lists(st.integers(0, 200)),
    max_line=st.integers(1, 20),
)
def test_where_the_blocks_end_makes_no_difference(
    data: bytes, cuts: list[int], max_line: int
) -> None:
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
    found = list(split_lines(blocks()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [(line.number, line.fault) for line in found] == [
        (1, None),
        (2, ErrorCode.LINE_TOO_LARGE),
        (3, None),
    ]
    assert peak < 3 * MAX_LINE


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.jsonl.gz", "unpack it first"), ("a.XLSX", "save it as CSV"), ("a.zip", "unpack it first")],
)
def test_formats_that_are_not_read_are_refused_with_what_helps(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        as_inputs([Path(name)])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, "jsonl") for name in ("a.jsonl", "a.ndjson", "a.json", "a", "a.data")),
        *(("a.csv", "csv"), ("a.TSV", "csv"), ("a.parquet", "parquet"), ("a.txt", "text")),
    ],
)
def test_the_ending_says_how_a_file_is_read(name: str, expected: str) -> None:
    assert as_inputs([Path(name)])[0].format == expected
    assert as_inputs([Path(name)], "text")[0].format == "text"


def test_another_encoding_is_read_when_it_is_named(tmp_path: Path) -> None:
    text = '{"prompt": "Größe \u20ac"}\n\n{"prompt": "zwei"}'

    for encoding in ("utf-16", "utf-16-le", "utf-32", "windows-1252", "utf-8-sig"):
        found = jsonl(tmp_path, text.encode(encoding), known_encoding(encoding))

        assert [line.data.decode() for line in found] == text.split("\n\n"), encoding


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("ascii", b'{"a": "\xe9"}\n{}'),
        ("utf-16-le", '{"\udc00"}\n{}'.encode("utf-16-le", "surrogatepass")),
    ],
)
def test_what_does_not_fit_the_encoding_costs_its_own_line(
    tmp_path: Path, encoding: str, data: bytes
) -> None:
    first, second = jsonl(tmp_path, data, known_encoding(encoding))

    assert (first.number, first.fault) == (1, ErrorCode.INVALID_ENCODING)
    assert second == Line(2, b"{}")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_mark_of_another_encoding_is_noticed_and_named(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(InputError, match=f"Say so with --encoding {encoding}"):
        jsonl(tmp_path, "{}".encode(encoding))


@pytest.mark.parametrize("name", ["utf-9", "hex", "", "undefined", "a\0"])
def test_what_is_no_encoding_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no encoding"):
        known_encoding(name)


def test_an_encoding_for_parquet_alone_is_refused() -> None:
    with pytest.raises(UsageError, match="--encoding is for text"):
        as_inputs([Path("a.parquet")], None, "latin-1")
