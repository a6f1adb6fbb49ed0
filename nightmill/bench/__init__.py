"""Nightmill measured against what it is made of: two sides in turn, and the ratio of them."""

from jobs.errors import UsageError
from nightmill.bench.options import BenchOptions, OnProgress, ignore_progress
from nightmill.bench.result import BenchResult, Run, sentences

__all__ = ["BENCHES", "BenchOptions", "BenchResult", "OnProgress", "Run", "run", "sentences"]

BENCHES = ("queue", "engine", "ingest", "status", "ollama", "leases", "latency", "fairness")


def run(name: str, options: BenchOptions, on_progress: OnProgress = ignore_progress) -> BenchResult:
    """Run one of BENCHES; this takes minutes. Nothing of it is left when it returns or raises.

    Raises `UsageError` for a name that is none, and where the bench cannot be run as asked.
    """
    if options.runs < 1 or (options.size is not None and options.size < 1):
        raise UsageError("A bench needs at least one run, and a size of at least 1.")
    # Imported as they are needed: the processes that a bench starts begin with this file too.
    match name:
        case "queue":
            from nightmill.bench.queue import run_queue as bench
        case "leases":
            from nightmill.bench.leases import run_leases as bench
        case "latency":
            from nightmill.bench.latency import run_latency as bench
        case "engine":
            from nightmill.bench.engine import run_engine as bench
        case "ingest":
            from nightmill.bench.ingest import run_ingest as bench
        case "status":
            from nightmill.bench.status import run_status as bench
        case "fairness":
            from nightmill.bench.fairness import run_fairness as bench
        case "ollama":
            from nightmill.bench.ollama import run_ollama as bench
        case _:
            raise UsageError(f"There is no bench {name}. There are: {', '.join(BENCHES)}.")
    return bench(options, on_progress)
