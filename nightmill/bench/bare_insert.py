"""The peer of the ingest bench: the driver's `executemany`, with rows that are ready made.

The very rows that our side has made out of the input, into the same tables with the same indexes,
by the same kind of connection, as many to a commit. Nothing is read, parsed, checked or rendered.
"""

import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from jobs.store.schema import jobs, requests
from jobs.store.store import Store
from producer.submit import CHUNK_ROWS

Rows = list[tuple[Any, ...]]

_JOBS = [column.name for column in jobs.columns]
_REQUESTS = [column.name for column in requests.columns]
_PAGE_OF_JOBS = text(
    f"SELECT {', '.join(_JOBS)} FROM jobs"  # noqa: S608  (our own column names)
    " WHERE batch_id = :batch_id AND line > :after ORDER BY line LIMIT :limit"
)
_PAGE_OF_REQUESTS = text(
    f"SELECT {', '.join(f'r.{name}' for name in _REQUESTS)} FROM jobs AS j"  # noqa: S608  (ours)
    " JOIN requests AS r ON r.job_id = j.id"
    " WHERE j.batch_id = :batch_id AND j.line > :after ORDER BY j.line LIMIT :limit"
)


def insert_again(source: Store, batch_id: str, target: Store) -> float:
    """Insert the rows of a batch into another store; the seconds that inserting took."""
    seconds = 0.0
    for of_jobs, of_requests in _chunks(source, batch_id):
        began = time.perf_counter()
        with target.write(durable=True) as c:
            _insert(c, "jobs", _JOBS, of_jobs)
            _insert(c, "requests", _REQUESTS, of_requests)
        seconds += time.perf_counter() - began
    return seconds


def _chunks(source: Store, batch_id: str) -> Iterator[tuple[Rows, Rows]]:
    after, line = 0, _JOBS.index("line")
    while True:
        page = {"batch_id": batch_id, "after": after, "limit": CHUNK_ROWS}
        with source.read() as c:
            of_jobs = [tuple(row) for row in c.execute(_PAGE_OF_JOBS, page)]
            of_requests = [tuple(row) for row in c.execute(_PAGE_OF_REQUESTS, page)]
        if not of_jobs:
            return
        yield of_jobs, of_requests
        after = of_jobs[-1][line]


def _insert(c: Connection, table: str, columns: list[str], rows: Rows) -> None:
    mark = "?" if c.dialect.name == "sqlite" else "%s"
    marks = ", ".join([mark] * len(columns))
    c.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608  (ours)
        rows,
    )
