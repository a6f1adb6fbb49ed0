"""A look at the names of batches that is over before a shell's user notices it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

#: A store that is busy for longer has no time for this.
_PATIENCE_S = 0.5


class Glimpse(NamedTuple):
    """What a batch may be called by."""

    id: str
    name: str
    state: str


def newest(path: Path, limit: int) -> list[Glimpse]:
    """The batches of a SQLite store that were made last, newest first.

    Without SQLAlchemy, whose import takes longer than anything else here. Raises `sqlite3.Error`.
    """
    url = f"file:{quote(str(path))}?mode=ro"
    with closing(sqlite3.connect(url, uri=True, timeout=_PATIENCE_S)) as connection:
        return [Glimpse(*row) for row in connection.execute(_NEWEST, (limit,))]


_NEWEST = (
    "SELECT id, name, state FROM batches WHERE state <> 'deleting'"
    " ORDER BY created_at DESC, id DESC LIMIT ?"
)
