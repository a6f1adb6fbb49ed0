"""JSON Lines: one JSON object a line."""

from collections.abc import Iterator

from producer.raw import UTF8, Line, misfit, split_lines, utf8_blocks
from producer.source import Source

_BLANKS = b" \t\r"


def read_jsonl(source: Source, encoding: str) -> Iterator[Line]:
    """The lines that are not blank, without the blanks and carriage returns around them."""
    for line in split_lines(utf8_blocks(source, encoding)):
        if line.fault is not None:
            yield line
        elif data := line.data.strip(_BLANKS):
            yield (
                Line(line.number, data)
                if encoding == UTF8
                else _checked(line.number, data, encoding)
            )


def _checked(number: int, data: bytes, encoding: str) -> Line:
    try:
        data.decode()
    except UnicodeDecodeError:
        return Line(number, b"", misfit(encoding), f"It is {encoding}.")
    return Line(number, data)
