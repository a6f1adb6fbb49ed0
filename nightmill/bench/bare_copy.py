"""The peer of the copy bench: rows that are text already go into the same tables by COPY."""

import time
from collections.abc import Sequence
from typing import Any

from jobs.store.driver import driver_of
from jobs.store.engines import Kind, make_engine, parse_url
from jobs.store.snapshot import TABLES, Snapshot, column_names

#: By table: what COPY reads, in pieces.
Texts = dict[str, list[bytes]]


def as_text(snap: Snapshot) -> Texts:
    """All rows of a snapshot as COPY wants them."""
    return {
        table.name: ["".join(map(_line, chunk)).encode() for chunk in snap.rows(table)]
        for table in TABLES
    }


def copy_text(texts: Texts, url: str) -> float:
    """Bring them into an empty store in one transaction; the seconds that this took."""
    engine = make_engine(parse_url(url), Kind.DURABLE)
    try:
        began = time.perf_counter()
        with engine.begin() as c, driver_of(c) as connection, connection.cursor() as cursor:
            for table in TABLES:
                columns = ", ".join(column_names(table))
                with cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
                    for piece in texts[table.name]:
                        copy.write(piece)
        return time.perf_counter() - began
    finally:
        engine.dispose()


def _line(row: Sequence[Any]) -> str:
    return "\t".join(map(_cell, row)) + "\n"


def _cell(value: object) -> str:
    return r"\N" if value is None else str(value).translate(_ESCAPES)


_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r"})
