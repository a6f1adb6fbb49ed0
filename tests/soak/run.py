"""A tunnel that is cut again and again: `python -m tests.soak.run --cuts 500`.

Each cut is silence, a reset, or a port at which nobody listens, for a while. What happens is told
on standard error, the verdict as one JSON object on standard output: whether the process grew from
a tenth of the cuts to the last one, and how soon all forwards had answered again. Exit status 1
where a promise was broken. The same seed makes the same cuts.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections import Counter
from typing import Any

import msgspec

from tests.soak.tunnel import Held, Tunnel, dug
from tests.tunnel.wire import Weather

#: Percent by which nothing may grow.
GROWTH = 5.0
#: Seconds from the link's return until all forwards have answered.
MEDIAN_S, WORST_S = 3.0, 10.0
#: Seconds that a cut lasts at most; a silent one may be over before it is noticed.
_LONGEST_S = {Weather.SILENT: 6.0, Weather.CUT: 2.0, Weather.REFUSED: 2.0}
_KINDS = (Weather.SILENT, Weather.CUT, Weather.CUT, Weather.REFUSED)


async def soak(cuts: int, seed: int) -> dict[str, Any]:
    """Cut it so many times; the verdict."""
    rng = random.Random(seed)
    restored_s: list[float] = []
    kinds = Counter[str]()
    marks: dict[int, Held] = {}
    async with dug() as tunnel:
        for number in range(1, cuts + 1):
            kind = rng.choice(_KINDS)
            took_s = await cut(tunnel, kind, rng.uniform(0, _LONGEST_S[kind]))
            restored_s.append(took_s)
            kinds[kind.value] += 1
            await tunnel.use()
            if number in (max(1, cuts // 10), cuts):
                marks[number] = await tunnel.held()
            tell(f"{number}: {kind.value}, up again after {took_s:.2f} s")
        report = tunnel.report()
    first, last = marks.values()
    assert report is not None
    return verdict(first, last, restored_s) | {
        "seed": seed,
        "cuts": dict(kinds),
        "connections": report.connects,
        "failures": report.failures,
        "held": {str(number): msgspec.to_builtins(held) for number, held in marks.items()},
    }


async def cut(tunnel: Tunnel, kind: Weather, for_s: float) -> float:
    """Cut it for a while; seconds from its end until all forwards have answered."""
    await tunnel.wire.turn(kind)
    # No wait for anything: it is what the fault is.
    await asyncio.sleep(for_s)
    await tunnel.wire.turn(Weather.FAIR)
    healed_at = time.monotonic()

    def healed_s() -> float:
        return time.monotonic() - healed_at

    await tunnel.until_up(healed_s)
    return healed_s()


def verdict(first: Held, last: Held, restored_s: list[float]) -> dict[str, Any]:
    """What grew, how long it took, and whether both are as promised."""
    before, after = msgspec.to_builtins(first), msgspec.to_builtins(last)
    grown = {
        what: round(100.0 * (after[what] - before[what]) / max(1, before[what]), 1)
        for what in before
    }
    median_s, worst_s = statistics.median(restored_s), max(restored_s)
    return {
        "ok": max(grown.values()) <= GROWTH and median_s <= MEDIAN_S and worst_s <= WORST_S,
        "grown_percent": grown,
        "restored_s": {"median": round(median_s, 2), "worst": round(worst_s, 2)},
    }


def tell(*lines: str) -> None:
    """Say what happens."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def main() -> int:
    """Run, tell, judge."""
    parser = argparse.ArgumentParser(description="Cut a tunnel again and again.")
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    asked = parser.parse_args()
    tell(f"seed {asked.seed}: {asked.cuts} cuts")
    began = time.monotonic()
    found = asyncio.run(soak(asked.cuts, asked.seed))
    found["seconds"] = round(time.monotonic() - began)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    tell("all is well" if found["ok"] else f"broken; again with --seed {asked.seed}")
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
