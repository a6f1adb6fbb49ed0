"""How many jobs a second the whole protocol records, against Celery that does nothing else.

Ours are drained from pending rows to results on the disk, by dispatcher, Redis, Celery worker and
store, with a backend that answers at once. Celery's no-op tasks are drained from a full queue of
the same Redis, with the same kind of pool, as many threads, and the same events.
"""

from itertools import repeat
from pathlib import Path
from statistics import median

from jobs.model import GenerationRequest, Message
from jobs.settings_pools import PoolSettings
from jobs.wire import MAX_PACK
from nightmill.bench import celery_peer
from nightmill.bench.batch import submit_requests
from nightmill.bench.celery_peer import CeleryPeer, best_tuning, celery_worker
from nightmill.bench.mill import Mill
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import fsyncs_per_s, workplace
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.runner import Side, alternate
from nightmill.bench.stores import chosen, kind_of, store_maker
from worker.program import threads_for

JOBS = 20_000
#: More than a model would have: each sync of the disk can carry so many records.
SLOTS = 64
WARM_UP = 50
REQUEST = GenerationRequest(model="null", messages=(Message(role="user", content="bench"),))

PACKS = f"packs of {MAX_PACK}"
SINGLE = "one job a pack"
CELERY = "Celery"
CELERY_PACKS = f"Celery with {MAX_PACK} ids a task"
HOLD = {PACKS: 3.0, SINGLE: 0.5}
PEER_HAS = "no record of a job, no claim, no fence, no retry after a crash, nothing synced to disk"


def run_queue(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure packs of 16 and single jobs on each kind of store."""
    with workplace(options.folder) as folder:
        parts = [
            part
            for store in chosen(options.stores)
            for part in _on_store(store, folder, options, on_progress)
        ]
    return combined(parts)


def _on_store(
    store: str, folder: Path, options: BenchOptions, on_progress: OnProgress
) -> list[BenchResult]:
    jobs = options.size or JOBS
    name = f"queue on {kind_of(store)}"
    pool = PoolSettings(backend="null", slots=SLOTS)
    with (
        store_maker(store, folder) as new_store,
        new_store() as url,
        Mill(folder / kind_of(store), url, pool) as mill,
    ):
        on_progress(f"{name}: looking for the settings that suit Celery best")
        tunings = celery_peer.candidates(threads_for(SLOTS))
        tuning = best_tuning(mill.broker_url, tunings, max(1, jobs // 20))
        with celery_worker(mill.broker_url, tuning) as celery:
            sides = _sides(mill, celery, jobs)
            for side in _sides(mill, celery, max(WARM_UP, jobs // 100)).values():
                side()
            rounds = alternate(name, sides, options.runs, on_progress)
    return [
        judge(
            f"{name}, {ours}",
            [Run(ours=figures[ours], peer=figures[CELERY]) for figures in rounds],
            hold,
            unit="jobs/s",
            peer=f"Celery alone, tasks/s: {tuning.describe()}",
            peer_has=PEER_HAS,
            celery_with_16_ids_a_task=median(figures[CELERY_PACKS] for figures in rounds),
            broker=mill.broker_kind,
            fsyncs_per_s=fsyncs_per_s(folder),
            jobs=jobs,
        )
        for ours, hold in HOLD.items()
    ]


def _sides(mill: Mill, celery: CeleryPeer, jobs: int) -> dict[str, Side]:
    """Fewer of the slower ones, so that each side takes about as long."""
    return {
        PACKS: lambda: _drain(mill, jobs, MAX_PACK),
        CELERY: lambda: celery.drain(max(1, jobs // 5), 1),
        SINGLE: lambda: _drain(mill, max(1, jobs // 5), 1),
        CELERY_PACKS: lambda: celery.drain(max(1, jobs // 8), MAX_PACK),
    }


def _drain(mill: Mill, jobs: int, most_in_pack: int) -> float:
    batch_id = submit_requests(mill.store, mill.pool, repeat(REQUEST, jobs))
    return jobs / mill.drain(batch_id, most_in_pack).seconds
