"""The rows of an input, one after the other, never the whole of it in memory.

What a format has to give is one JSON object in bytes for each row, with the number of its line.
Each format has a file of its own; its ending or `--input-format` says which one a file is read by.
"""

from collections.abc import Iterator

from producer.csv_rows import read_csv
from producer.inputs import Input
from producer.jsonl import read_jsonl
from producer.raw import Line
from producer.source import Source
from producer.text import read_text


def read_rows(source: Source, given: Input, needed: frozenset[str] = frozenset()) -> Iterator[Line]:
    """The rows of one file from its beginning; `needed` are the columns that prompts are made of.

    Raises `InputError` for a file that is not of its kind, or whose columns cannot be told apart.
    """
    match given.format:
        case "jsonl":
            return read_jsonl(source, given.encoding)
        case "text":
            return read_text(source, given.encoding)
        case "csv":
            return read_csv(source, given.encoding)
        case "parquet":
            # Arrow takes half a second and 50 MB.
            from producer.parquet import read_parquet

            return read_parquet(source, needed)
