"""Our ingest as a process of its own, so that its memory can be told. Started by a bench.

Prints one JSON object: the seconds that `submit` took and the most memory the process had.
"""

import platform
import resource
import sys
import time
from pathlib import Path

import msgspec

from jobs.store.store import Store
from producer.inputs import as_inputs
from producer.lines import ModelChoice
from producer.plan import SubmitPlan
from producer.submit import submit


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What to read in, and where to."""

    source: str
    store_url: str
    locks_dir: str


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """What it took."""

    batch_id: str
    seconds: float
    peak_rss_mb: float


def main() -> None:
    """Submit what standard input says."""
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=Spec)
    store = Store.open(spec.store_url)
    choice = ModelChoice(model="null", pool="null")
    inputs = as_inputs([Path(spec.source)])
    plan = SubmitPlan(inputs=inputs, choice=choice, resolve_model=lambda _name, _endpoint: choice)
    began = time.perf_counter()
    submitted = submit(store, plan, Path(spec.locks_dir))
    seconds = time.perf_counter() - began
    store.close()
    took = Took(batch_id=submitted.batch.id, seconds=seconds, peak_rss_mb=_peak_rss_mb())
    sys.stdout.buffer.write(msgspec.json.encode(took))


def _peak_rss_mb() -> float:
    if platform.system() == "Linux":
        # What getrusage says on Linux begins with the peak of the process that started this one.
        status = Path("/proc/self/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
