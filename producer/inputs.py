"""What a command names as its input: files, patterns of files, standard input."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobs.errors import InputError, UsageError
from producer.raw import UTF8, known_encoding

#: How a file is read. `csv` takes tabs and semicolons for commas where its header has them.
InputFormat = Literal["jsonl", "csv", "parquet", "text"]

#: The word for standard input.
STDIN = Path("-")

_FORMATS: dict[str, InputFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
}
#: Taking these for JSONL would fail each line with a puzzling reason.
_UNREAD = {
    ".gz": "is compressed; unpack it first, for example with `gunzip -k`",
    ".zip": "is compressed; unpack it first",
    ".zst": "is compressed; unpack it first, for example with `unzstd`",
    ".xlsx": "is a spreadsheet; save it as CSV first",
    ".xls": "is a spreadsheet; save it as CSV first",
    ".ods": "is a spreadsheet; save it as CSV first",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One file of rows, and how it is to be read."""

    path: Path
    format: InputFormat
    encoding: str = UTF8
    #: Whether neither the user nor an ending said the format, so that it has to look like it.
    is_guessed: bool = False
    #: Whether it is a copy of what came by standard input.
    is_stdin: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.is_stdin else str(self.path)


def find_files(words: Sequence[Path], output: Path | None = None) -> tuple[Path, ...]:
    """The files that words of a command line mean, each once, in their order.

    A word that is no file's name is taken for a pattern; `output` is never what a pattern means.
    Raises `InputError` naming a pattern that no file fits.
    """
    found = [path for word in words for path in _files(word, output)]
    if found.count(STDIN) > 1:
        raise UsageError("- is given more than once: there is but one standard input.")
    unique: dict[str, Path] = {}
    for path in found:
        unique.setdefault("-" if path == STDIN else os.path.realpath(path), path)
    return tuple(unique.values())


def as_inputs(
    paths: Iterable[Path], input_format: InputFormat | None = None, encoding: str | None = None
) -> tuple[Input, ...]:
    """How each file is read: as its ending says, or all as they are told to be; else as JSONL.

    Raises `InputError` for an ending that nobody reads, and `UsageError` for an encoding that does
    not exist or has nothing to be applied to.
    """
    known = UTF8 if encoding is None else known_encoding(encoding)
    inputs = tuple(
        Input(
            path=path,
            format=input_format or _format_of(path) or "jsonl",
            encoding=known,
            is_guessed=(input_format or _format_of(path)) is None,
        )
        for path in paths
    )
    if encoding is not None and all(given.format == "parquet" for given in inputs):
        raise UsageError("--encoding is for text: a Parquet file has its encoding in it.")
    return inputs


def _files(word: Path, output: Path | None) -> Iterator[Path]:
    if word == STDIN or os.path.lexists(word) or not glob.has_magic(str(word)):
        yield word
        return
    # pathlib's own leaves out nothing that begins with a dot, which a shell does.
    found = glob.glob(str(word), recursive=True)  # noqa: PTH207
    matches = [Path(match) for match in sorted(found)]
    own = None if output is None else os.path.realpath(output)
    files = [path for path in matches if path.is_file() and os.path.realpath(path) != own]
    if not files:
        raise InputError(f"No file fits {word}. Check the pattern of the input.")
    yield from files


def _format_of(path: Path) -> InputFormat | None:
    ending = path.suffix.lower()
    if ending in _UNREAD:
        raise InputError(f"{path} {_UNREAD[ending]}.")
    return _FORMATS.get(ending)
