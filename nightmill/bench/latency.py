"""The queue bench with the servers far away: 2 ms on every round trip, as through a tunnel.

Both sides reach the same Redis through the same proxy, and ours its Postgres too, from worker and
dispatcher alike. What counts here is how often a side waits for an answer.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from statistics import median

from jobs.settings_pools import PoolSettings
from jobs.wire import MAX_PACK
from nightmill.bench import celery_peer
from nightmill.bench.batch import submit_requests
from nightmill.bench.celery_peer import best_tuning, celery_worker
from nightmill.bench.delay import FarAway, Trips, far_away, ping_ms, select_ms
from nightmill.bench.mill import Mill
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import fsyncs_per_s, workplace
from nightmill.bench.queue import CELERY, CELERY_PACKS, PEER_HAS, REQUEST, SLOTS, WARM_UP
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.runner import alternate
from nightmill.bench.stores import POSTGRES, SQLITE, kind_of, store_maker
from nightmill.embedded.broker import EmbeddedBroker
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lifeline import Lifeline
from worker.program import threads_for

JOBS = 20_000
HOLD = 3.0
#: Seconds on each way.
DELAY_S = 0.001
#: A task of Celery's alone takes so many times as long as one of our jobs, about.
FEWER = 20
OURS = f"packs of {MAX_PACK}"


def run_latency(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure on Postgres unless asked: no two machines share a SQLite file."""
    with workplace(options.folder) as folder:
        parts = [
            _on_store(store, folder, options, on_progress)
            for store in options.stores or (POSTGRES,)
        ]
    return combined(parts)


def _on_store(
    store: str, folder: Path, options: BenchOptions, on_progress: OnProgress
) -> BenchResult:
    jobs, name = options.size or JOBS, f"latency on {kind_of(store)}"
    tasks = max(1, jobs // FEWER)
    with _far_mill(store, folder) as (far, mill, measured):
        on_progress(f"{name}: looking for the settings that suit Celery best")
        tunings = celery_peer.candidates(threads_for(SLOTS))
        tuning = best_tuning(far.broker_url, tunings, max(1, tasks // 4))
        with celery_worker(far.broker_url, tuning) as celery:
            ours = Counted(far, lambda count: _drain(mill, count))
            peer = Counted(far, lambda count: celery.drain(count, 1))
            ours.run(max(WARM_UP, jobs // 100))
            peer.run(WARM_UP)
            sides = {
                OURS: lambda: ours.run(jobs),
                CELERY: lambda: peer.run(tasks),
                CELERY_PACKS: lambda: celery.drain(max(1, tasks // 4), MAX_PACK),
            }
            rounds = alternate(name, sides, options.runs, on_progress)
    return judge(
        name,
        [Run(ours=figures[OURS], peer=figures[CELERY]) for figures in rounds],
        HOLD,
        unit="jobs/s",
        peer=f"Celery alone, tasks/s: {tuning.describe()}",
        peer_has=PEER_HAS,
        celery_with_16_ids_a_task=median(figures[CELERY_PACKS] for figures in rounds),
        **measured,
        broker_round_trips_a_job=ours.last.broker / jobs,
        store_round_trips_a_job=ours.last.store / jobs,
        broker_round_trips_a_task_of_celery=peer.last.broker / tasks,
        fsyncs_per_s=fsyncs_per_s(folder),
        jobs=jobs,
    )


@contextmanager
def _far_mill(store: str, folder: Path) -> Iterator[tuple[FarAway, Mill, dict[str, object]]]:
    """Our side behind the proxy, and what a round trip takes with and without it."""
    pool, place = PoolSettings(backend="null", slots=SLOTS), folder / kind_of(store)
    with (
        store_maker(store, folder) as new_store,
        new_store() as url,
        _broker(place) as broker,
        far_away(broker.url, url, DELAY_S) as far,
        Mill(place, far.store_url, pool, broker_url=far.broker_url) as mill,
    ):
        measured: dict[str, object] = {
            "broker": broker.kind,
            "ms_of_a_ping": ping_ms(far.broker_url),
            "ms_of_a_ping_without_delay": ping_ms(broker.url),
        }
        if kind_of(store) != SQLITE:
            measured["ms_of_a_select"] = select_ms(far.store_url)
            measured["ms_of_a_select_without_delay"] = select_ms(url)
        yield far, mill, measured


@contextmanager
def _broker(folder: Path) -> Iterator[EmbeddedBroker]:
    data_dir, lifeline = DataDir(folder), Lifeline()
    data_dir.prepare()
    broker = EmbeddedBroker(data_dir, lifeline.fd)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        lifeline.cut()


@dataclass
class Counted:
    """One side, with the round trips of its last measurement."""

    far: FarAway
    #: Does so many jobs or tasks; how many a second.
    do: Callable[[int], float]
    last: Trips = field(default_factory=lambda: Trips(broker=0, store=0))

    def run(self, count: int) -> float:
        """Do so many, and count the round trips."""
        before = self.far.trips()
        figure = self.do(count)
        self.last = self.far.trips().since(before)
        return figure


def _drain(mill: Mill, jobs: int) -> float:
    batch_id = submit_requests(mill.store, mill.pool, repeat(REQUEST, jobs))
    return jobs / mill.drain(batch_id).seconds
