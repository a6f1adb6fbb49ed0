"""Results as a table: the columns of all rows, then those of the answer.

CSV and Parquet need to know their columns before their first row, so the rows wait on the disk.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from jobs.errors import UsageError
from jobs.model import ResultRow
from producer.columns import Type, kind_of, type_of
from producer.result_rows import answer_of, free_name

#: No program reads a table with more; each is a name in memory.
MAX_COLUMNS = 10_000

#: The answer's columns, but for its own, in their order. Those in _OPTIONAL only where they hold
#: something.
_ANSWER = {
    "reasoning": Type.TEXT,
    "error_code": Type.TEXT,
    "error_message": Type.TEXT,
    "error_file": Type.TEXT,
    "error_line": Type.INTEGER,
    "model": Type.TEXT,
    "input_tokens": Type.INTEGER,
    "output_tokens": Type.INTEGER,
    "finish_reason": Type.TEXT,
}
_OPTIONAL = frozenset({"reasoning", "error_file"})

_NULL = b"null"

_Fields = dict[str, msgspec.Raw]
_encode = msgspec.json.Encoder().encode
_fields_of = msgspec.json.Decoder(_Fields).decode
_pair_of = msgspec.json.Decoder(tuple[_Fields, _Fields]).decode


class Column(NamedTuple):
    """One column of a table."""

    name: str
    type: Type


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows that wait on the disk, with the columns that they make together."""

    columns: tuple[Column, ...]
    _names: tuple[tuple[int, str], ...]
    _spool: BinaryIO

    def rows(self) -> Iterator[list[bytes]]:
        """The rows in their order, each value as JSON; what a row lacks is null."""
        self._spool.seek(0)
        for line in self._spool:
            pair = _pair_of(line)
            yield [
                bytes(pair[part][name]) if name in pair[part] else _NULL
                for part, name in self._names
            ]


@contextmanager
def gathered(results: Iterable[ResultRow], into: str, folder: Path) -> Iterator[Table]:
    """The table of some results, for the time of the block; meanwhile they take room in `folder`.

    A name that any row has already gets `nightmill_` before it when it is the answer's. Raises
    `UsageError` for more columns than a table can have.
    """
    with tempfile.TemporaryFile(dir=folder) as spool:
        row_kinds: dict[str, set[str]] = {}
        answer_kinds: set[str] = set()
        seen: set[str] = set()
        for result in results:
            row = result.row or "{}"
            _note(row_kinds, _fields_of(row))
            answer = _answer(result, into)
            answer_kinds.add("vector" if _is_vector(result) else kind_of(_encode(answer[into])))
            seen.update(answer)
            spool.write(b"[%b,%b]\n" % (row.encode(), _encode(answer)))
        yield _table(row_kinds, into, answer_kinds, seen, spool)


def _note(kinds: dict[str, set[str]], fields: _Fields) -> None:
    for name, raw in fields.items():
        kinds.setdefault(name, set()).add(kind_of(bytes(raw)))
    if len(kinds) > MAX_COLUMNS:
        raise UsageError(
            f"The rows have more than {MAX_COLUMNS:,} columns between them, too many for a table."
            " Let the name of the results end in .jsonl."
        )


def _answer(result: ResultRow, into: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        into: answer_of(result),
        "error_code": result.error_code,
        "error_message": result.error_message,
        "error_line": None if result.error_code is None else result.line,
        "model": result.model or None,
        "input_tokens": result.input_tokens,
        "output_tokens": result.output_tokens,
        "finish_reason": result.finish_reason,
    }
    if result.reasoning is not None:
        answer["reasoning"] = result.reasoning
    if result.error_code is not None and result.file is not None:
        answer["error_file"] = result.file
    return answer


def _is_vector(result: ResultRow) -> bool:
    return result.form == "vector" and result.text is not None


def _table(
    row_kinds: dict[str, set[str]],
    into: str,
    answer_kinds: set[str],
    seen: set[str],
    spool: BinaryIO,
) -> Table:
    # Where a row holds what a table cannot, such as a list, that stays JSON: only answers are
    # vectors.
    columns = [Column(name, type_of(kinds)) for name, kinds in row_kinds.items()]
    names = [(0, name) for name in row_kinds]
    taken = set(row_kinds)
    types = {into: type_of(answer_kinds)} | _ANSWER
    for name, its_type in types.items():
        if name in _OPTIONAL - seen:
            continue
        shown = free_name(name, taken)
        taken.add(shown)
        columns.append(Column(shown, its_type))
        names.append((1, name))
    return Table(columns=tuple(columns), _names=tuple(names), _spool=spool)
