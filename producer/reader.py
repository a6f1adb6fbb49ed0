"""The lines of an input, one after the other, never the whole of it in memory.

What a format has to give is one JSON object in bytes for each row, with the number of its line:
`read_rows` picks the reader by the file's ending. CSV, Parquet and text become siblings of
`read_lines` here.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from jobs.codes import ErrorCode
from jobs.errors import InputError

#: Bytes; a longer line is an error of that line.
MAX_LINE = 10_000_000

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r"


class Line(NamedTuple):
    """One row as it stands in the input: either its bytes or the fault that hides them."""

    #: 1-based; blank lines count.
    number: int
    data: bytes
    fault: ErrorCode | None = None


#: What the next formats end in; taking them for JSONL would fail each line with a puzzling reason.
_UNREAD = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".parquet": "Parquet",
    ".txt": "plain text",
    ".gz": "compressed",
}

Reader = Callable[[Iterable[bytes]], Iterator[Line]]


def reader_of(path: Path) -> Reader:
    """What reads files with this ending; raises `InputError` for a format that nobody reads."""
    ending = path.suffix.lower()
    if ending in _UNREAD:
        raise InputError(
            f"{path} is {_UNREAD[ending]}, which is not read yet. Convert it to JSONL: one JSON"
            ' object a line, such as {"prompt": "…"}.'
        )
    return read_lines


def read_lines(blocks: Iterable[bytes], max_line: int = MAX_LINE) -> Iterator[Line]:
    """The lines of a file that comes in blocks; blank ones are counted and left out.

    Only a newline ends a line (U+2028 in a string does not), a carriage return before it and a
    byte order mark at the file's beginning are dropped, and the last line needs no newline. No
    more than `max_line` bytes and one block are ever held.
    """
    number = 0
    held = b""
    is_cut = False
    for block in _without_bom(blocks):
        first, *others = block.split(b"\n")
        pieces = [held + first, *others]
        held = pieces.pop()
        for piece in pieces:
            number += 1
            if is_cut or len(piece) > max_line:
                yield Line(number, b"", ErrorCode.LINE_TOO_LARGE)
                is_cut = False
            elif data := piece.strip(_BLANKS):
                yield Line(number, data)
        if len(held) > max_line:
            held, is_cut = b"", True
    if is_cut:
        yield Line(number + 1, b"", ErrorCode.LINE_TOO_LARGE)
    elif data := held.strip(_BLANKS):
        yield Line(number + 1, data)


def _without_bom(blocks: Iterable[bytes]) -> Iterator[bytes]:
    is_first = True
    for block in blocks:
        yield block.removeprefix(_BOM) if is_first else block
        is_first = False
