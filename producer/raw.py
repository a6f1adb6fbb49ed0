"""Lines of a file before anybody knows what is in them, as bytes or as text."""

import codecs
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jobs.codes import ErrorCode
from jobs.errors import InputError, UsageError
from producer.source import Source

#: Bytes; a longer line or row is an error of its own.
MAX_LINE = 10_000_000

UTF8 = "utf-8"

_BOM = codecs.BOM_UTF8
#: The longer ones first: one begins like another.
_OTHER_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: The name of our error handler among those of the codecs.
_MARKING = "nightmill.marking"


class Line(NamedTuple):
    """One line or row of a file: its bytes, or the fault that hides them."""

    #: 1-based; blank lines and a header count.
    number: int
    data: bytes
    fault: ErrorCode | None = None
    #: What there is to say about the fault.
    detail: str = ""


class TextLine(NamedTuple):
    """One line as text; where there is a fault the text is only fit to find its end by."""

    number: int
    text: str
    fault: ErrorCode | None = None
    detail: str = ""


def known_encoding(name: str) -> str:
    """What Python calls an encoding; raises `UsageError` for one that it does not have."""
    try:
        codecs.getincrementaldecoder(name)
        # Not all codecs are for text.
        " ".encode(name)
        found = codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError):
        raise UsageError(
            f"--encoding {name!r} is no encoding. Name one such as utf-16, latin-1 or windows-1252."
        ) from None
    # A byte order mark is dropped from UTF-8 anyway.
    return UTF8 if found == "utf-8-sig" else found


def utf8_blocks(source: Source, encoding: str) -> Iterator[bytes]:
    """The blocks of a file as UTF-8 without a byte order mark.

    What does not fit its encoding becomes bytes that are not UTF-8 either, so that it is the
    fault of a line. Raises `InputError` where a mark at the beginning says another encoding.
    """
    blocks = source.blocks()
    if encoding != UTF8:
        blocks = _transcoded(blocks, encoding)
    is_first = True
    for block in blocks:
        if is_first:
            _refuse_other_bom(source, block)
        yield block.removeprefix(_BOM) if is_first else block
        is_first = False


def split_lines(blocks: Iterable[bytes], max_line: int = MAX_LINE) -> Iterator[Line]:
    """The lines of a file that comes in blocks, blank ones too, without the newline.

    Only a newline ends a line (U+2028 in a string does not), and the last line needs none. No
    more than `max_line` bytes and one block are ever held.
    """
    number = 0
    held = b""
    is_cut = False
    for block in blocks:
        first, *others = block.split(b"\n")
        pieces = [held + first, *others]
        held = pieces.pop()
        for piece in pieces:
            number += 1
            if is_cut or len(piece) > max_line:
                yield Line(number, b"", ErrorCode.LINE_TOO_LARGE)
                is_cut = False
            else:
                yield Line(number, piece)
        if len(held) > max_line:
            held, is_cut = b"", True
    if is_cut:
        yield Line(number + 1, b"", ErrorCode.LINE_TOO_LARGE)
    elif held:
        yield Line(number + 1, held)


def text_lines(source: Source, encoding: str) -> Iterator[TextLine]:
    """The lines of a text file, a carriage return at the end of one included."""
    for line in split_lines(utf8_blocks(source, encoding)):
        try:
            text = line.data.decode()
        except UnicodeDecodeError as error:
            where = (
                f"See byte {error.start + 1} of it." if encoding == UTF8 else f"It is {encoding}."
            )
            instead = line.data.decode(errors="replace")
            yield TextLine(line.number, instead, misfit(encoding), where)
            continue
        if (nul := text.find("\0")) >= 0:
            where = f"See character {nul + 1} of it."
            yield TextLine(line.number, text, ErrorCode.UNSTORABLE_TEXT, where)
        else:
            yield TextLine(line.number, text, line.fault, line.detail)


def misfit(encoding: str) -> ErrorCode:
    """The code of a line that is not in the encoding it should have."""
    return ErrorCode.INVALID_UTF8 if encoding == UTF8 else ErrorCode.INVALID_ENCODING


def _refuse_other_bom(source: Source, block: bytes) -> None:
    for bom, encoding in _OTHER_BOMS.items():
        if block.startswith(bom):
            raise InputError(
                f"{source.name} is {encoding.upper()}, not UTF-8. Say so with --encoding"
                f" {encoding}."
            )


def _transcoded(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    # Registered anew each time: it is the same function, and nothing happens at import.
    codecs.register_error(_MARKING, _mark)
    decoder = codecs.getincrementaldecoder(encoding)(errors=_MARKING)
    for block in blocks:
        yield decoder.decode(block).encode(UTF8, "surrogatepass")
    yield decoder.decode(b"", final=True).encode(UTF8, "surrogatepass")


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Stand half of a surrogate pair, which no text has, for bytes that are no text."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end
