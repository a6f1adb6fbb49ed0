"""Rows out of whatever a program has them in, without importing any library of data frames."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jobs.errors import InputError

Row = Mapping[str, Any]

#: The types of pandas's words for what is missing.
_MISSING = frozenset({"NAType", "NaTType"})


def rows_of(given: Any) -> Iterable[Row]:
    """The rows of an iterable of mappings, or of a data frame of pandas, polars or pyarrow.

    Raises `InputError` for what is neither.
    """
    match given:
        case Mapping():
            raise InputError("Expected rows, got a single mapping: put it into a list.")
        # polars; a few rows at a time are made
        case object(iter_rows=iter_rows) if callable(iter_rows):
            rows: Iterable[Row] = iter_rows(named=True)
        # pyarrow's tables
        case object(to_batches=to_batches) if callable(to_batches):
            rows = _of_batches(to_batches())
        # pyarrow's record batches
        case object(to_pylist=to_pylist) if callable(to_pylist):
            rows = to_pylist()
        case object(to_dicts=to_dicts) if callable(to_dicts):
            rows = to_dicts()
        # pandas
        case object(to_dict=to_dict) if callable(to_dict):
            rows = to_dict("records")
        case Iterable():
            rows = given
        case _:
            raise InputError(
                f"Expected rows, a data frame or a path, got {type(given).__name__}. Rows are"
                " mappings, such as {'prompt': '…'}."
            )
    return rows


def plain(value: Any) -> Any:
    """A value of NumPy's or pandas's as Python's own; raises `TypeError` for anything else."""
    if type(value).__name__ in _MISSING:
        return None
    for way in ("tolist", "isoformat"):
        convert = getattr(value, way, None)
        if callable(convert):
            return convert()
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")


def _of_batches(batches: Iterable[Any]) -> Iterator[Row]:
    for batch in batches:
        yield from batch.to_pylist()
