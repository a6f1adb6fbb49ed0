"""Plain text: one row a line, with the one field `text`."""

from collections.abc import Iterator

import msgspec

from producer.raw import Line, text_lines
from producer.source import Source

#: The column that a line of text becomes.
TEXT = "text"

_encode = msgspec.json.Encoder().encode


def read_text(source: Source, encoding: str) -> Iterator[Line]:
    """The lines that are not blank; blanks at the beginning of one are its own."""
    for number, text, fault, detail in text_lines(source, encoding):
        if fault is not None:
            yield Line(number, b"", fault, detail)
        elif said := text.rstrip():
            yield Line(number, _encode({TEXT: said}))
