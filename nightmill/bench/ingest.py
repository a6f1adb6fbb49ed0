"""How fast an input becomes rows, against rows that need only be inserted."""

import random
from pathlib import Path
from statistics import median

import msgspec

from jobs.store.store import Store
from nightmill.bench.bare_insert import insert_again
from nightmill.bench.child import ask
from nightmill.bench.ingest_process import Spec, Took
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import fsyncs_per_s, workplace
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.stores import NewStore, chosen, kind_of, store_maker

LINES = 200_000
LINE_BYTES = 1_024
HOLD = 0.5
MOST_MEMORY_MB = 200.0
PEER = "executemany of the very same rows, into the same tables, as many to a commit"
PEER_HAS = "no reading, no parsing, no checks of lines, no hashes, no ids, no pause for others"


def run_ingest(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure a file of lines of 1 KB on each kind of store."""
    lines = options.size or LINES
    with workplace(options.folder) as folder:
        source = folder / "input.jsonl"
        write_lines(source, lines)
        parts = []
        for store in chosen(options.stores):
            with store_maker(store, folder) as new_store:
                parts.append(_on_store(kind_of(store), new_store, source, options, on_progress))
    return combined(parts)


def write_lines(path: Path, lines: int) -> None:
    """An input of so many rows, each a line of 1 KB."""
    words = random.Random(0)  # noqa: S311  (an input, the same each time)
    with path.open("w") as file:
        for number in range(1, lines + 1):
            head = f'{{"custom_id":"row-{number:08d}","prompt":"'
            text = words.randbytes((LINE_BYTES - len(head) - 3) // 2).hex()
            file.write(f'{head}{text.ljust(LINE_BYTES - len(head) - 3)}"}}\n')


def _on_store(
    kind: str, new_store: NewStore, source: Path, options: BenchOptions, on_progress: OnProgress
) -> BenchResult:
    name, lines = f"ingest on {kind}", options.size or LINES
    runs, peaks = [], []
    for number in range(1, options.runs + 1):
        took, peer_s = _measure(new_store, source)
        runs.append(Run(ours=lines / took.seconds, peer=lines / peer_s))
        peaks.append(took.peak_rss_mb)
        on_progress(
            f"{name}, run {number} of {options.runs}: {runs[-1].ours:,.0f} lines/s,"
            f" executemany {runs[-1].peer:,.0f}, {took.peak_rss_mb:.0f} MB"
        )
    result = judge(
        name,
        runs,
        HOLD,
        unit="lines/s",
        peer=PEER,
        peer_has=PEER_HAS,
        peak_memory_mb=median(peaks),
        most_memory_mb=MOST_MEMORY_MB,
        fsyncs_per_s=fsyncs_per_s(source.parent),
        lines=lines,
    )
    return msgspec.structs.replace(result, ok=result.ok and max(peaks) <= MOST_MEMORY_MB)


def _measure(new_store: NewStore, source: Path) -> tuple[Took, float]:
    """Both sides once, ours first: the peer needs the rows that it makes."""
    with new_store() as ours_url, new_store() as peer_url:
        spec = Spec(store_url=ours_url, source=str(source), locks_dir=str(source.parent))
        took = ask("nightmill.bench.ingest_process", spec, Took)
        ours, peer = Store.open(ours_url), Store.open(peer_url)
        try:
            return took, insert_again(ours, took.batch_id, peer)
        finally:
            ours.close()
            peer.close()
