"""How soon a command is obeyed while the slots are full: from its start to its effect.

Each verb is given as a user would, by a process of its own, with 32 generations under way that
would go on for an hour. What counts is the worst of all its turns.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import msgspec

from jobs.errors import StoppedEarlyError
from jobs.model import Counts
from jobs.settings_pools import PoolSettings
from jobs.store import batches, deadlines
from nightmill.bench.batch import submit_requests
from nightmill.bench.mill import Check, Mill
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import workplace
from nightmill.bench.queue import REQUEST
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.stores import SQLITE, kind_of, store_maker
from nightmill.embedded.child import python

#: Generations under way, and how long each would take.
SLOTS = 32
ANSWER_S = 3600.0
#: Seconds within which a command has to have its effect.
LIMIT_S = 2.0
#: How often each verb is given, for each of the runs that were asked for: 50 in all.
TURNS = 10
#: What never has an effect is no measurement.
_PATIENCE_S = 60.0
_LOOK_S = 0.01
#: A deadline this many seconds away is near enough, and not missed by a slow start.
_DEADLINE_S = 2

#: One turn of a verb: the seconds from the command to its effect.
Turn = Callable[["Scene"], float]


def run_control(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure every verb on each store that was asked for."""
    parts = list[BenchResult]()
    with workplace(options.folder) as folder:
        for store in options.stores or (SQLITE,):
            with store_maker(store, folder) as new_store, new_store() as url:
                parts += _on_store(folder, kind_of(store), url, options, on_progress)
    return combined(parts)


@dataclass(frozen=True)
class Scene:
    """A mill with full slots, and the commands that are given to it."""

    mill: Mill
    config: Path
    check: Check

    def submit(self) -> str:
        """A batch that is larger than the window; its id."""
        return submit_requests(self.mill.store, self.mill.pool, repeat(REQUEST, 4 * SLOTS))

    def command(self, *words: str) -> float:
        """Give a command; when it was given. Raises `StoppedEarlyError` where it fails."""
        given_at = time.monotonic()
        done = subprocess.run(
            [*python("nightmill", *words), "--config", str(self.config)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StoppedEarlyError(f"nightmill {words[0]} failed: {done.stderr.strip()}")
        return given_at

    def effect(self, batch_id: str, is_there: Callable[[Counts], bool]) -> float:
        """Wait until the counts of a batch are so; when that was."""
        deadline = time.monotonic() + _PATIENCE_S
        while not is_there(self.counts(batch_id)):
            self.check()
            if time.monotonic() > deadline:
                raise StoppedEarlyError(f"After {_PATIENCE_S:g} s a command had no effect.")
            time.sleep(_LOOK_S)
        return time.monotonic()

    def counts(self, batch_id: str) -> Counts:
        """The counts of a batch."""
        with self.mill.store.read() as c:
            return batches.counts(c, batch_id)

    @contextmanager
    def full(self) -> Iterator[str]:
        """A batch that has all slots, with more of it on its way."""
        batch_id = self.submit()
        self.effect(batch_id, lambda n: n.running == SLOTS and n.dispatched > 0)
        yield batch_id
        self._end(batch_id)

    @contextmanager
    def waiting(self) -> Iterator[str]:
        """One more batch, for the slots that become free."""
        batch_id = self.submit()
        yield batch_id
        self._end(batch_id)

    def _end(self, batch_id: str) -> None:
        self.command("cancel", batch_id)
        self.effect(batch_id, lambda n: n.unfinished == 0)


def _on_store(
    folder: Path, kind: str, url: str, options: BenchOptions, on_progress: OnProgress
) -> Iterator[BenchResult]:
    pool = PoolSettings(backend="null", slots=SLOTS)
    config = _config(folder, url)
    with (
        Mill(folder / kind, url, pool, answer_s=ANSWER_S, grace_s=0) as mill,
        mill.dispatching() as check,
    ):
        scene = Scene(mill, config, check)
        for verb, turn in VERBS.items():
            result = _judged(f"{verb} on {kind}", turn, scene, options.runs)
            on_progress(f"control on {kind}: {verb}, worst {1 / result.ours:.2f} s")
            yield result


def _judged(name: str, turn: Turn, scene: Scene, runs: int) -> BenchResult:
    waits = [max(turn(scene) for _ in range(TURNS)) for _ in range(runs)]
    worst = max(waits)
    result = judge(
        name,
        [Run(ours=1 / wait, peer=1 / LIMIT_S) for wait in waits],
        1.0,
        unit="effects/s",
        peer=f"the limit of {LIMIT_S:g} s from command to effect",
        worst_s=worst,
        turns=runs * TURNS,
        running_generations=SLOTS,
    )
    # The worst counts here, not the median of the runs.
    return msgspec.structs.replace(
        result, ours=1 / worst, ratio=LIMIT_S / worst, ok=worst <= LIMIT_S
    )


def _cancel(scene: Scene) -> float:
    """The slots are free again: the next batch has them all."""
    with scene.full() as first, scene.waiting() as second:
        began = scene.command("cancel", first)
        return scene.effect(second, lambda n: n.running == SLOTS) - began


def _cancel_row(scene: Scene) -> float:
    """Another row has its slot."""
    with scene.full() as batch:
        began = scene.command("cancel", batch, "--row", "row-1")
        return scene.effect(batch, lambda n: n.cancelled == 1 and n.running == SLOTS) - began


def _pause(scene: Scene) -> float:
    """Nothing of it is on its way any more."""
    with scene.full() as batch:
        began = scene.command("pause", batch)
        return scene.effect(batch, lambda n: n.dispatched == 0) - began


def _resume(scene: Scene) -> float:
    """More of it is on its way again."""
    with scene.full() as batch:
        scene.command("pause", batch)
        scene.effect(batch, lambda n: n.dispatched == 0)
        began = scene.command("resume", batch)
        return scene.effect(batch, lambda n: n.dispatched > 0) - began


def _pause_pool(scene: Scene) -> float:
    """All that ran is handed back, with no grace time."""
    with scene.full() as batch:
        began = scene.command("pause", scene.mill.pool)
        done = scene.effect(batch, lambda n: n.running == 0 and n.dispatched == 0)
        scene.command("resume", scene.mill.pool)
        return done - began


def _resume_pool(scene: Scene) -> float:
    """The slots are full again."""
    with scene.full() as batch:
        scene.command("pause", scene.mill.pool)
        scene.effect(batch, lambda n: n.running == 0 and n.dispatched == 0)
        began = scene.command("resume", scene.mill.pool)
        return scene.effect(batch, lambda n: n.running == SLOTS) - began


def _raise_priority(scene: Scene) -> float:
    """It is on its way, in the place of what was on its way before."""
    with scene.full() as first:
        scene.command("edit", first, "--priority", "1")
        with scene.waiting() as second:
            began = scene.command("edit", second, "--priority", "2")
            return scene.effect(second, lambda n: n.dispatched > 0) - began


def _limit(scene: Scene) -> float:
    """Nothing of it is on its way any more, as more run already than may."""
    with scene.full() as batch:
        began = scene.command("edit", batch, "--max-running", "1")
        return scene.effect(batch, lambda n: n.dispatched == 0) - began


def _deadline(scene: Scene) -> float:
    """From the moment of the deadline: what ran is over, and the next batch has its slots."""
    with scene.full() as first, scene.waiting() as second:
        scene.command("edit", first, "--deadline", f"{_DEADLINE_S}s")
        with scene.mill.store.read() as c:
            left_s = next(due.left_s for due in deadlines.due(c) if due.batch_id == first)
        passes_at = time.monotonic() + left_s
        return scene.effect(second, lambda n: n.running == SLOTS) - passes_at


VERBS: dict[str, Turn] = {
    "cancel a batch": _cancel,
    "cancel a row": _cancel_row,
    "pause a batch": _pause,
    "resume a batch": _resume,
    "pause a pool": _pause_pool,
    "resume a pool": _resume_pool,
    "raise a priority": _raise_priority,
    "limit what runs": _limit,
    "a deadline passes": _deadline,
}


def _config(folder: Path, store_url: str) -> Path:
    """A configuration for the commands: nothing but where the store is."""
    path = folder / "control.toml"
    path.touch(mode=0o600)
    path.write_text(
        f'data_dir = "{folder / "commands"}"\ndiscover = false\n'
        f'[store]\nurl = "{store_url}"\n[pools.null]\nbackend = "null"\n'
    )
    return path
