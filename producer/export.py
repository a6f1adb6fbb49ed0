"""The results of a batch, in the order of its input, at any time of its life.

Rows that are not finished are left out; they come with a later export.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

from jobs.model import Batch, Places, ResultRow
from jobs.states import JobState
from jobs.store import batches, results
from jobs.store.store import Store
from producer.beside import written_beside
from producer.plan import ResultKind
from producer.result_openai import openai_record
from producer.result_rows import row_record
from producer.table import gathered
from producer.writers import write_jsonl, writer_for

#: Rows of the first page, before it is known how large they are, and of any page.
_FIRST_PAGE = 16
_LARGEST_PAGE = 1000

#: Characters of one page to aim at.
_PAGE_SIZE = 4_000_000

#: Which rows are written: those with an answer, or those that ended without one.
Only = Literal["failed", "succeeded"]

ToRecord = Callable[[ResultRow], dict[str, Any]]


def export_file(
    store: Store,
    batch_id: str,
    path: Path,
    kind: ResultKind | None = None,
    only: Only | None = None,
) -> int:
    """Write the results to a file, which is replaced only when they are complete on the disk.

    Its ending says the format. A table has the rows' columns and is never of the kind `openai`;
    else `kind` is as in `write_results`. Returns the number of rows. Raises `UsageError` for an
    ending that no writer has and `StoppedEarlyError` when the file cannot be written.
    """
    write_table = writer_for(path, kind)
    with written_beside(path) as stream:
        if write_table is None:
            return write_results(store, batch_id, stream, kind, only)
        with store.read() as c:
            batch = batches.get(c, batch_id)
        results = _finished(store, batch, only)
        with gathered(results, batch.into, Path(os.path.realpath(path)).parent) as table:
            return write_table(table, stream)


def write_results(
    store: Store,
    batch_id: str,
    stream: BinaryIO,
    kind: ResultKind | None = None,
    only: Only | None = None,
) -> int:
    """Write the results as JSONL to a stream; returns the number of rows.

    `kind` None is the one that the batch was submitted with, or else `openai` if all usable lines
    are OpenAI's and `rows` if not.
    """
    with store.read() as c:
        batch = batches.get(c, batch_id)
    to_record = _converter(store, batch, kind)
    return write_jsonl(map(to_record, _finished(store, batch, only)), stream)


def _converter(store: Store, batch: Batch, kind: ResultKind | None) -> ToRecord:
    if _is_openai(store, batch, kind):
        created = int(batch.created_at)
        return lambda result: openai_record(result, created)
    return lambda result: row_record(result, batch.into)


def _is_openai(store: Store, batch: Batch, kind: ResultKind | None) -> bool:
    asked = kind or batch.options.get("kind")
    if asked is not None:
        return asked == "openai"
    with store.read() as c:
        return not results.has_rows(c, batch.id)


def _finished(store: Store, batch: Batch, only: Only | None) -> Iterator[ResultRow]:
    """The finished rows, page by page: a long read would let SQLite's log grow."""
    places = Places(batch.files)
    line, limit = 0, _FIRST_PAGE
    while True:
        with store.read() as c:
            page = results.page(c, batch.id, line, limit)
        yield from (result.placed(places) for result in page if _is_wanted(result.state, only))
        if len(page) < limit:
            return
        line = page[-1].line
        size = sum(len(result.row or "") + len(result.text or "") for result in page)
        limit = max(1, min(_LARGEST_PAGE, _PAGE_SIZE * len(page) // max(size, 1)))


def _is_wanted(state: JobState, only: Only | None) -> bool:
    if only is None:
        return state.is_terminal
    return state.is_terminal and (state is JobState.SUCCEEDED) == (only == "succeeded")
