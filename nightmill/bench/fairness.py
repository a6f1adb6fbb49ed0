"""How long small batches wait beside a large one, against how long they would wait alone.

Both sides on one store and one worker, whose slots are really taken; alone is with the large batch
paused. The small ones come one after another. What is compared is how soon they are over, so that
bigger is better.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from statistics import median

from jobs.model import Counts
from jobs.settings_pools import PoolSettings
from jobs.store import batches, pauses
from jobs.store.store import Store
from nightmill.bench.batch import submit_requests
from nightmill.bench.mill import Check, Mill
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import workplace
from nightmill.bench.queue import REQUEST
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.runner import alternate
from nightmill.bench.stores import chosen, kind_of, store_maker

#: Rows of the large batch, which need not end.
JOBS = 100_000
SMALL_BATCHES = 100
ROWS = 10
#: Seconds from one small batch to the next: they take about a fifth of the slots.
EVERY_S = 0.3
SLOTS = 32
ANSWER_S = 0.2
HOLD = 1 / 3
BESIDE, ALONE = "beside", "alone"
_LOOK_S = 0.02


def run_fairness(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure small batches beside a large one and alone, on each kind of store."""
    with workplace(options.folder) as folder:
        parts = [_on_store(store, folder, options, on_progress) for store in chosen(options.stores)]
    return combined(parts)


def _on_store(
    store: str, folder: Path, options: BenchOptions, on_progress: OnProgress
) -> BenchResult:
    jobs, name = options.size or JOBS, f"fairness on {kind_of(store)}"
    pool = PoolSettings(backend="null", slots=SLOTS)
    waits: dict[str, list[float]] = {BESIDE: [], ALONE: []}

    def measure(side: str) -> float:
        with mill.dispatching() as check, _present(mill.store, large, check, side == BESIDE):
            waited = _waits(mill, check)
        waits[side].append(median(waited))
        return 1 / median(waited)

    with (
        store_maker(store, folder) as new_store,
        new_store() as url,
        Mill(folder / kind_of(store), url, pool, answer_s=ANSWER_S) as mill,
    ):
        large = submit_requests(mill.store, mill.pool, repeat(REQUEST, jobs))
        sides = {BESIDE: lambda: measure(BESIDE), ALONE: lambda: measure(ALONE)}
        rounds = alternate(name, sides, options.runs, on_progress)
    return judge(
        name,
        [Run(ours=figures[BESIDE], peer=figures[ALONE]) for figures in rounds],
        HOLD,
        unit="small batches/s, one after the other,",
        peer="the same without the large batch",
        median_wait_beside_s=median(waits[BESIDE]),
        median_wait_alone_s=median(waits[ALONE]),
        small_batches=SMALL_BATCHES,
        rows_of_each=ROWS,
        rows_of_the_large_one=jobs,
        slots=SLOTS,
        s_of_an_answer=ANSWER_S,
    )


@contextmanager
def _present(store: Store, large: str, check: Check, is_present: bool) -> Iterator[None]:
    """With the large batch running at its full pace, or with nothing of it running."""
    with store.write() as c:
        if is_present:
            pauses.go_on(c, large)
        else:
            pauses.pause(c, large, "The small ones are to be alone.")
    _wait_for(
        lambda counts: counts.dispatched > SLOTS if is_present else counts.running == 0,
        store,
        large,
        check,
    )
    yield


def _waits(mill: Mill, check: Check) -> list[float]:
    """Submit the small batches one after another; how many seconds each took."""
    small = []
    for _ in range(SMALL_BATCHES):
        small.append(submit_requests(mill.store, mill.pool, repeat(REQUEST, ROWS)))
        next_at = time.monotonic() + EVERY_S
        while time.monotonic() < next_at:
            check()
            time.sleep(_LOOK_S)
    for batch_id in small:
        _wait_for(lambda counts: not counts.unfinished, mill.store, batch_id, check)
    check()
    return [_took(mill.store, batch_id) for batch_id in small]


def _took(store: Store, batch_id: str) -> float:
    while True:
        with store.read() as c:
            batch = batches.get(c, batch_id)
        if batch.finished_at is not None:
            return batch.finished_at - batch.created_at
        time.sleep(_LOOK_S)


def _wait_for(holds: Callable[[Counts], bool], store: Store, batch_id: str, check: Check) -> None:
    while True:
        with store.read() as c:
            counts = batches.counts(c, batch_id)
        if holds(counts):
            return
        check()
        time.sleep(_LOOK_S)
