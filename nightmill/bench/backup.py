"""What a backup costs those who work: jobs a second while backups are made, and without any.

One mill on a store that holds many old rows; both sides are its jobs, on one of them another
process makes one backup after the other.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from statistics import median

import msgspec

from jobs.errors import StoppedEarlyError
from jobs.settings_pools import PoolSettings
from jobs.store import ending
from jobs.store.store import Store
from nightmill.bench.backup_process import Made, Spec
from nightmill.bench.batch import submit_requests
from nightmill.bench.filled import add_texts, fill
from nightmill.bench.mill import Mill
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import fsyncs_per_s, workplace
from nightmill.bench.queue import REQUEST, SLOTS, WARM_UP
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.runner import alternate
from nightmill.bench.stores import chosen, kind_of, store_maker
from nightmill.embedded.child import python

JOBS = 20_000
#: Old rows for each new one, and characters of their prompts and of their answers.
OLD_ROWS = 5
TEXT = 500
HOLD = 0.9
WITH, WITHOUT = "backups", "no backups"
PEER = "the same mill, nobody making a backup"


def run_backup(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure what backups take from the work, on each kind of store."""
    with workplace(options.folder) as folder:
        parts = [_on_store(store, folder, options, on_progress) for store in chosen(options.stores)]
    return combined(parts)


def _on_store(
    store: str, folder: Path, options: BenchOptions, on_progress: OnProgress
) -> BenchResult:
    jobs, made = options.size or JOBS, list[float]()
    name = f"backup of {kind_of(store)}"
    file = folder / "backup.db"
    pool = PoolSettings(backend="null", slots=SLOTS)
    with (
        store_maker(store, folder) as new_store,
        new_store() as url,
        Mill(folder / kind_of(store), url, pool) as mill,
    ):
        _add_old_rows(mill.store, OLD_ROWS * jobs)
        _drain(mill, max(WARM_UP, jobs // 100))

        def with_backups() -> float:
            with _backups(url, file, made):
                return _drain(mill, jobs)

        sides = {WITH: with_backups, WITHOUT: lambda: _drain(mill, jobs)}
        rounds = alternate(name, sides, options.runs, on_progress)
    return judge(
        name,
        [Run(ours=figures[WITH], peer=figures[WITHOUT]) for figures in rounds],
        HOLD,
        unit="jobs/s",
        peer=PEER,
        backups_in_a_run=median(made),
        old_rows=OLD_ROWS * jobs,
        fsyncs_per_s=fsyncs_per_s(folder),
        jobs=jobs,
    )


def _add_old_rows(store: Store, rows: int) -> None:
    batch_id = fill(store, rows)
    add_texts(store, batch_id, TEXT)
    with store.write() as c:
        # Some of it waits as in mid-run; here it is over.
        ending.cancel(c, batch_id)


def _drain(mill: Mill, jobs: int) -> float:
    batch_id = submit_requests(mill.store, mill.pool, repeat(REQUEST, jobs))
    return jobs / mill.drain(batch_id).seconds


@contextmanager
def _backups(url: str, file: Path, made: list[float]) -> Iterator[None]:
    """Backups are made during the block; how many goes into `made`."""
    spec = msgspec.json.encode(Spec(store_url=url, file=str(file)))
    process = subprocess.Popen(
        python("nightmill.bench.backup_process"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("expected the child to have pipes")
    with process:
        try:
            process.stdin.write(spec + b"\n")
            process.stdin.flush()
            process.stdout.readline()
            yield
        finally:
            said, words = process.communicate()
    if process.returncode != 0:
        raise StoppedEarlyError(f"The backup stopped. It said:\n{words.decode()[-2000:]}")
    made.append(msgspec.json.decode(said, type=Made).backups)
