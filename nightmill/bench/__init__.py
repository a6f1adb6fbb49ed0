"""Nightmill measured against what it is made of: two sides in turn, and the ratio of them."""

from collections.abc import Callable
from importlib import import_module

from jobs.errors import UsageError
from nightmill.bench.options import BenchOptions, OnProgress, ignore_progress
from nightmill.bench.result import BenchResult, Run, sentences

__all__ = ["BENCHES", "BenchOptions", "BenchResult", "OnProgress", "Run", "run", "sentences"]

#: Each is `run_NAME` in the file of its name.
BENCHES = (
    *("queue", "leases", "latency", "fairness", "control", "backup", "copy"),
    *("engine", "ingest", "status", "ollama", "tunnel"),
)
Bench = Callable[[BenchOptions, OnProgress], BenchResult]


def run(name: str, options: BenchOptions, on_progress: OnProgress = ignore_progress) -> BenchResult:
    """Run one of BENCHES; this takes minutes. Nothing of it is left when it returns or raises.

    Raises `UsageError` for a name that is none, and where the bench cannot be run as asked.
    """
    if options.runs < 1 or (options.size is not None and options.size < 1):
        raise UsageError("A bench needs at least one run, and a size of at least 1.")
    if name not in BENCHES:
        raise UsageError(f"There is no bench {name}. There are: {', '.join(BENCHES)}.")
    # Imported as they are needed: the processes that a bench starts begin with this file too.
    bench: Bench = getattr(import_module(f"nightmill.bench.{name}"), f"run_{name}")
    return bench(options, on_progress)
