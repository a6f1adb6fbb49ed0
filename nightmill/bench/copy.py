"""How fast a store moves from SQLite to Postgres, against COPY of rows that need only be sent."""

import time

from jobs.errors import UsageError
from jobs.store.copying import copy_store
from jobs.store.snapshot import snapshot
from jobs.store.store import Store
from nightmill.bench.bare_copy import Texts, as_text, copy_text
from nightmill.bench.filled import add_texts, fill
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import workplace
from nightmill.bench.result import BenchResult, Run, judge
from nightmill.bench.runner import alternate
from nightmill.bench.stores import POSTGRES, SQLITE, NewStore, store_maker

JOBS = 100_000
#: Characters of a prompt, and of an answer.
TEXT = 500
HOLD = 0.3
OURS, PEER = "store copy", "COPY"
PEER_IS = "COPY of the very same rows, as text in memory, into the same tables and indexes"
PEER_HAS = (
    "no reading of SQLite, no formatting, nothing counted or compared, no tables made, nothing"
    " handed back"
)


def run_copy(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure a copy of a store of many rows; `stores` is the Postgres to copy to."""
    if SQLITE in options.stores or len(options.stores) > 1:
        raise UsageError("This bench copies from SQLite to Postgres: name one Postgres, or none.")
    postgres = options.stores[0] if options.stores else POSTGRES
    with (
        workplace(options.folder) as folder,
        store_maker(SQLITE, folder) as new_file,
        store_maker(postgres, folder) as new_database,
        new_file() as source,
    ):
        _fill(source, options.size or JOBS)
        with snapshot(source) as snap:
            texts = as_text(snap)
        return _measured(source, texts, new_database, options, on_progress)


def _measured(
    source: str, texts: Texts, new_store: NewStore, options: BenchOptions, on_progress: OnProgress
) -> BenchResult:
    rows = sum(piece.count(b"\n") for pieces in texts.values() for piece in pieces)

    def ours() -> float:
        with new_store() as url:
            began = time.perf_counter()
            copy_store(source, url, lambda _done, _total: None)
            return rows / (time.perf_counter() - began)

    def peer() -> float:
        with new_store() as url:
            return rows / copy_text(texts, url)

    rounds = alternate("copy", {OURS: ours, PEER: peer}, options.runs, on_progress)
    return judge(
        "copy from sqlite to postgres",
        [Run(ours=figures[OURS], peer=figures[PEER]) for figures in rounds],
        HOLD,
        unit="rows/s",
        peer=PEER_IS,
        peer_has=PEER_HAS,
        rows=rows,
    )


def _fill(url: str, jobs: int) -> None:
    store = Store.open(url)
    try:
        add_texts(store, fill(store, jobs), TEXT)
    finally:
        store.close()
