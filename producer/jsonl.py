"""JSON Lines: one JSON object a line."""

from collections.abc import Iterator
from itertools import islice

from jobs.errors import InputError
from producer.raw import UTF8, Line, misfit, split_lines, utf8_blocks
from producer.source import Source

#: Lines of which one at least must look like JSON, where nobody said that they are.
LOOKED_AT = 20

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


def refuse_others(source: Source, encoding: str) -> None:
    """Raise `InputError` for a file that nobody said is JSONL and that does not look like it.

    Line by line it would be as many faults as there are lines. One bad line is no reason: whatever
    its first lines begin with, one JSON among them will do.
    """
    lines = list(islice(read_jsonl(source, encoding), LOOKED_AT))
    if lines and not any(line.fault or line.data.startswith((b"{", b"[")) for line in lines):
        raise InputError(
            f"{source.name} does not look like JSON lines. Say what it is: --input-format csv, text"
            " (a prompt a line), parquet, or jsonl all the same."
        )


def _checked(number: int, data: bytes, encoding: str) -> Line:
    try:
        data.decode()
    except UnicodeDecodeError:
        return Line(number, b"", misfit(encoding), f"It is {encoding}.")
    return Line(number, data)
