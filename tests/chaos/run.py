"""Many random faults in one long-lived installation: `python -m tests.chaos.run --faults 200`.

What happens is told on standard error, the verdict as one JSON object on standard output. Exit
status 1 where a promise was broken. The same seed makes the same choices; as each fault has
random choices of its own, `--from` begins at any of them.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from typing import Any

from tests.chaos import journal as journals
from tests.chaos import oracle, recovery
from tests.chaos.cells import Cell, play
from tests.chaos.faults import EVERYTHING, FAULTS
from tests.chaos.world import World

#: Batches whose results are read back as their owner would, beside the judging of the store.
READ_BACK = 10
#: A batch for the engine: its model really works.
MLX_ROWS = 12


def main() -> int:
    """Run, tell, judge."""
    asked = _arguments()
    tell(f"seed {asked.seed}: {asked.faults} faults over {asked.jobs} jobs")
    began = time.monotonic()
    world = World.open(EVERYTHING)
    stopped: str | None = None
    try:
        try:
            storm(world, asked)
        except Exception as error:  # noqa: BLE001  (it is part of the verdict)
            stopped = f"{type(error).__name__}: {error}"
            tell(stopped, world.complaints())
        found = verdict(world, stopped)
    finally:
        if asked.keep:
            tell(f"kept: {world.folder}")
        world.close(keep=asked.keep)
    found |= {"seed": asked.seed, "seconds": round(time.monotonic() - began)}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    tell("all is well" if found["ok"] else f"broken; again with --seed {asked.seed}")
    return 0 if found["ok"] else 1


def storm(world: World, asked: argparse.Namespace) -> None:
    """Fault after fault, then until nothing is left to do."""
    rows = asked.jobs // asked.faults
    for number in range(asked.first, asked.faults):
        rng = random.Random(f"{asked.seed} {number}")
        cell = some_cell(rng)
        began = time.monotonic()
        play(world, cell, rng, MLX_ROWS if cell.fault.pool == "mlx" else rows)
        took_s = time.monotonic() - began
        tell(f"{number + 1}/{asked.faults} {cell.id} {took_s:.1f} s, {_progress(world)}")
    short = asked.jobs - accepted(world) if asked.first == 0 else 0
    if short > 0:
        world.submit(short)
    world.be_quiet(within_s=600)


def some_cell(rng: random.Random) -> Cell:
    """A fault, each as likely as the other, at some moment."""
    fault = rng.choice(FAULTS)
    return Cell(fault=fault, moment=rng.choice(fault.moments), layout=fault.layouts[0])


def verdict(world: World, stopped: str | None) -> dict[str, Any]:
    """What is printed: what was done, what was broken, after how long it went on."""
    told = list(journals.entries(world.journal.path))
    dump = oracle.dump(world.ask)
    broken = oracle.violations(told, dump)
    counts = Counter(violation.kind for violation in broken)
    incomplete = [] if stopped else _incomplete(world, told)
    times = recovery.summary(told, dump)
    return {
        "ok": not (
            stopped or broken or incomplete or any(not t.get("ok", True) for t in times.values())
        ),
        "stopped": stopped,
        "faults": Counter(entry["name"] for entry in told if entry["event"] == "fault"),
        "jobs": accepted(world),
        "states": Counter(job.state for job in dump.jobs),
        "attempts": Counter(attempt.outcome for attempt in dump.attempts),
        "lost": counts["lost"],
        "two_terminal_records": counts["twice"],
        "finished_generated_again": counts["again"],
        "innocent_poisoned": counts["poisoned"],
        "innocent_charged": counts["charged"],
        "answers_refused": counts["refused"],
        "other": counts["unasked"] + counts["wrong"] + counts["failed"],
        "spooled_left": len(world.spooled()),
        "outputs_incomplete": incomplete,
        "violations": [f"{v.kind} {v.job}: {v.text}" for v in broken[:50]],
        "recovery": times,
        "ended_by_themselves": Counter(
            f"{entry['program']}: {entry['status']}" for entry in told if entry["event"] == "ended"
        ),
    }


def accepted(world: World) -> int:
    """How many rows were accepted so far."""
    told = journals.entries(world.journal.path, "accepted")
    return sum(len(entry["ids"]) for entry in told)


def tell(*lines: str) -> None:
    """A line for whoever watches."""
    for line in lines:
        sys.stderr.write(f"{line}\n")


def _incomplete(world: World, told: list[dict[str, Any]]) -> list[str]:
    """Batches, of some, whose owner does not get one line for each row, in order."""
    batches = {entry["batch"]: entry["ids"] for entry in told if entry["event"] == "accepted"}
    read_back = random.Random(0).sample(sorted(batches), min(READ_BACK, len(batches)))
    return [
        batch
        for batch in read_back
        if [row["custom_id"] for row in world.results_of(batch)] != batches[batch]
    ]


def _progress(world: World) -> str:
    finished = world.count("state NOT IN ('pending', 'dispatched', 'running')")
    return f"{finished} of {accepted(world)} rows ended"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="FAULT")
    parser.add_argument("--keep", action="store_true", help="leave the folder with all logs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
