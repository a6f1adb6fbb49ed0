"""How fast an input becomes rows, against rows that need only be inserted, and in each format."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from jobs.store.store import Store
from nightmill.bench.bare_insert import insert_again
from nightmill.bench.child import ask
from nightmill.bench.ingest_process import Spec, Took
from nightmill.bench.inputs import WRITERS
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import fsyncs_per_s, workplace
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.stores import NewStore, chosen, kind_of, store_maker

LINES = 200_000
HOLD = 0.5
MOST_MEMORY_MB = 200.0
JSONL = ".jsonl"

_INSERT = "executemany"

#: What each format, and inserting alone, took in one round.
_Round = dict[str, Took]


class _Pair(NamedTuple):
    """Two sides that are held against each other."""

    ours: str
    peer: str
    peer_is: str
    peer_has: str


_PAIRS = (
    _Pair(
        ours=JSONL,
        peer=_INSERT,
        peer_is="executemany of the very same rows, into the same tables, as many to a commit",
        peer_has="no reading, no parsing, no checks, no hashes, no ids, no pause for others",
    ),
    *(
        _Pair(
            ours=ending,
            peer=JSONL,
            peer_is="the same rows as JSONL, read in by the same program",
            peer_has="the same",
        )
        for ending in WRITERS
        if ending != JSONL
    ),
)


def run_ingest(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure rows of 1 KB in each format on each kind of store."""
    lines = options.size or LINES
    with workplace(options.folder) as folder:
        for ending, write in WRITERS.items():
            write(folder / f"input{ending}", lines)
        parts = []
        for store in chosen(options.stores):
            with store_maker(store, folder) as new_store:
                parts += _on_store(kind_of(store), new_store, folder, options, on_progress)
    return combined(parts)


def _on_store(
    kind: str, new_store: NewStore, folder: Path, options: BenchOptions, on_progress: OnProgress
) -> list[BenchResult]:
    name, lines = f"ingest on {kind}", options.size or LINES
    rounds: list[_Round] = []
    for number in range(1, options.runs + 1):
        rounds.append(_round(new_store, folder))
        rates = {side: lines / took.seconds for side, took in rounds[-1].items()}
        told = ", ".join(f"{side} {rate:,.0f}" for side, rate in rates.items())
        on_progress(f"{name}, run {number} of {options.runs}: rows/s: {told}")
    synced = fsyncs_per_s(folder)
    return [_result(name, rounds, pair, lines, synced) for pair in _PAIRS]


def _round(new_store: NewStore, folder: Path) -> _Round:
    """All sides once, JSONL and the peer that needs the rows it makes first."""
    round_: _Round = {}
    for ending in WRITERS:
        with new_store() as url:
            source = folder / f"input{ending}"
            spec = Spec(store_url=url, source=str(source), locks_dir=str(folder))
            took = ask("nightmill.bench.ingest_process", spec, Took)
            round_[ending] = took
            if ending == JSONL:
                seconds = _insert_alone(new_store, url, took.batch_id)
                round_[_INSERT] = msgspec.structs.replace(took, seconds=seconds)
    return round_


def _insert_alone(new_store: NewStore, filled_url: str, batch_id: str) -> float:
    with new_store() as peer_url:
        ours, peer = Store.open(filled_url), Store.open(peer_url)
        try:
            return insert_again(ours, batch_id, peer)
        finally:
            ours.close()
            peer.close()


def _result(
    name: str, rounds: Sequence[_Round], pair: _Pair, lines: int, synced: float
) -> BenchResult:
    peaks = [each[pair.ours].peak_rss_mb for each in rounds]
    result = judge(
        name if pair.ours == JSONL else f"{name}, {pair.ours}",
        [Run(ours=lines / e[pair.ours].seconds, peer=lines / e[pair.peer].seconds) for e in rounds],
        HOLD,
        unit="rows/s",
        peer=pair.peer_is,
        peer_has=pair.peer_has,
        peak_memory_mb=median(peaks),
        most_memory_mb=MOST_MEMORY_MB,
        fsyncs_per_s=synced,
        lines=lines,
    )
    return msgspec.structs.replace(result, ok=result.ok and max(peaks) <= MOST_MEMORY_MB)
