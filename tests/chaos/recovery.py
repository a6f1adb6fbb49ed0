"""After how long it goes on: read from the journal and the history of attempts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from tests.chaos.oracle import Dump, Entry
from tests.chaos.world import LEASE_S

#: Faults that are over when they are healed: until then nothing can go on.
_OUTAGES = (
    "redis-",
    "postgres-",
    "store-",
    "broker-",
    "sleep",
    "power-cut",
    "leader-freeze",
    "server-",
)

#: What is promised for the median, in seconds.
HOLDS = {
    "worker-end: its jobs are free": 2.0,
    "worker-lost: its jobs are free": LEASE_S + 5,
    "redis-kill: next claim": 10.0,
    "redis-restart: next claim": 10.0,
}


def summary(journal: Sequence[Entry], dump: Dump) -> dict[str, dict[str, Any]]:
    """For each kind of fault and of going on: how often, median, longest, and what is promised."""
    return {
        what: {
            "n": len(seconds),
            "median_s": round(median(seconds), 3),
            "max_s": round(max(seconds), 3),
            **(
                {"hold_s": HOLDS[what], "ok": median(seconds) <= HOLDS[what]}
                if what in HOLDS
                else {}
            ),
        }
        for what, seconds in sorted(measured(journal, dump).items())
    }


def measured(journal: Sequence[Entry], dump: Dump) -> Mapping[str, Sequence[float]]:
    """Seconds from each fault, or from the end of an outage, until a row was handed out and
    claimed; and from each death of a worker until nothing it held was its own any more.
    """
    # A row that had been handed out before says nothing: its message may have arrived by then.
    moves = [(job.dispatched_at, job.started_at) for job in dump.jobs if job.started_at is not None]
    seconds: dict[str, list[float]] = defaultdict(list)
    name, began = "", 0.0
    for entry in journal:
        match entry["event"]:
            case "fault":
                name, began = entry["name"], entry["at"]
            case "healed" if entry["waiting"]:
                since = entry["at"] if name.startswith(_OUTAGES) else began
                claims = [claimed for handed_out, claimed in moves if handed_out > since]
                if claims:
                    seconds[f"{name}: next claim"].append(min(claims) - since)
            case "died" if not entry["engine"]:
                freed = [
                    attempt.ended_at
                    for attempt in dump.attempts
                    if attempt.session == entry["session"]
                    and attempt.outcome == "lost"
                    and attempt.ended_at > entry["at"]
                ]
                if freed:
                    seconds[f"{name}: its jobs are free"].append(max(freed) - entry["at"])
    return seconds
