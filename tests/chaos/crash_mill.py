"""A home with processes that can be told where to die, and what must hold when all is over."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from jobs.store import batches
from jobs.store.store import Store
from tests.chaos.crash_process import Plan
from tests.integration.mill import (
    ROOT,
    assert_no_finished_row_was_generated_again,
    read_rows,
)
from tests.nightmill.processes import MARK, marked
from tests.waiting import eventually

ROWS = "rows.jsonl"
OUT = "out.jsonl"
#: How `nightmill dispatch` ends when it is asked to.
TERMINATED = 143


class Nursery:
    """The process that all others are forked from."""

    def __init__(self) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("NIGHTMILL_", "XDG_"))}
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.crash_process"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._living: set[int] = set()

    def start(self, plan: Plan) -> int:
        pid = self._ask(plan)
        self._living.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        """Exit status of a process; minus the number of the signal that killed it."""
        status = self._ask(pid)
        self._living.discard(pid)
        return status

    def kill_all(self) -> None:
        """Leave nothing of a test that failed."""
        for pid in list(self._living):
            os.kill(pid, signal.SIGKILL)
            self.wait(pid)

    def close(self) -> None:
        with self._popen as popen:
            popen.stdin.close()

    def _ask(self, word: Plan | int) -> int:
        self._popen.stdin.write(msgspec.json.encode(word) + b"\n")
        self._popen.stdin.flush()
        return int(self._popen.stdout.readline())


@dataclass(frozen=True)
class Process:
    """A `nightmill` of a home."""

    nursery: Nursery
    plan: Plan
    pid: int

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`, wherever it is."""
        os.kill(self.pid, signal.SIGKILL)
        self._ended_with({-signal.SIGKILL})

    def has_said(self, words: str) -> bool:
        log = Path(self.plan.log)
        return log.exists() and words in log.read_text()

    def died(self) -> None:
        """Wait for its end, which must be by its own hand at the point that it was told."""
        self._ended_with({-signal.SIGKILL})
        assert Path(self.plan.note).read_text() == self.plan.point

    def ended(self, *fine: int) -> None:
        """Wait for its end, which must be a good one."""
        self._ended_with(set(fine or (0,)))

    def died_or_ended(self) -> bool:
        """Wait for either; whether it died."""
        died = self._ended_with({-signal.SIGKILL, 0}) != 0
        assert died is Path(self.plan.note).exists()
        return died

    def _ended_with(self, fine: set[int]) -> int:
        status = self.nursery.wait(self.pid)
        log = Path(self.plan.log).read_text()
        assert status in fine, f"{self.plan.words} ended with {status}:\n{log[-3000:]}"
        return status


@dataclass(kw_only=True)
class Home:
    """A home of its own for each test, and what a person does there."""

    path: Path
    nursery: Nursery
    store_url: str
    #: None for one of its own, which `run` then starts.
    broker_url: str | None
    slots: int = 2
    rows: int = 6
    #: Lines of its configuration.
    settings: tuple[str, ...] = ()
    #: Where every process writes what it passes.
    passed: str = ""
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _opened: Store | None = None

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._write_files()

    def change(self, **more: Any) -> None:
        """Give it other settings, or another input."""
        for name, value in more.items():
            setattr(self, name, value)
        self._write_files()

    def move(self, store_url: str) -> None:
        """Let another store be its own."""
        self.close_store()
        self.change(store_url=store_url)

    def start(self, *words: str, env: dict[str, str] | None = None, **more: Any) -> Process:
        """Start `nightmill WORDS`; `more` is of its plan."""
        number = next(self._numbers)
        ours = {
            "HOME": str(self.path),
            "NIGHTMILL_DATA_DIR": str(self.path / "data"),
            "NIGHTMILL_DISCOVER": "false",
            "NIGHTMILL_WORKER__GRACE_S": "0",
            "NIGHTMILL_WORKER__ALLOW_SLEEP": "true",
            MARK: str(self.path),
        }
        plan = Plan(
            words=words,
            home=str(self.path),
            env=ours | (env or {}),
            log=str(self.path / f"{number}-{words[0]}.log"),
            note=str(self.path / f"{number}.note"),
            passed=self.passed,
            **more,
        )
        return Process(self.nursery, plan, self.nursery.start(plan))

    def do(self, *words: str, fine: tuple[int, ...] = (0,)) -> None:
        """Run a command to its end."""
        self.start(*words).ended(*fine)

    def submit(self, *options: str) -> None:
        self.do(*SUBMIT, *options)

    def work_it_off(self, **more: Any) -> None:
        """Run what there is to its end."""
        worker = self.start("worker", "fake", **more)
        dispatcher = self.start("dispatch")
        self.until_over()
        self.stop(dispatcher, worker)

    def stop(self, dispatcher: Process, worker: Process) -> None:
        """Let both end well."""
        worker.stop()
        worker.ended()
        dispatcher.stop()
        dispatcher.ended(TERMINATED)

    def until_over(self, state: str = "completed") -> None:
        eventually(lambda: self.states("batches").keys() == {state}, "the batch to end", 45)

    @property
    def batch(self) -> str:
        ((batch_id,),) = self.ask("SELECT id FROM batches")
        return str(batch_id)

    def states(self, table: str) -> Counter[str]:
        return Counter(state for (state,) in self.ask(f"SELECT state FROM {table}"))  # noqa: S608

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the store from outside."""
        with self.store.read() as c:
            return [tuple(row) for row in c.execute(text(sql))]

    @property
    def store(self) -> Store:
        """The store, once it is made."""
        self._opened = self._opened or Store.open(self.store_url)
        return self._opened

    def close(self) -> None:
        self.nursery.kill_all()
        self.close_store()

    def close_store(self) -> None:
        """Let go of it: who replaces it wants to be alone."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def change_store(self, sql: str) -> None:
        """Change the store from outside, such as by what only time would do."""
        with self.store.write() as c:
            c.execute(text(sql))

    def assert_nothing_is_left_of_it(self) -> None:
        """Its only batch was deleted."""
        for table in ("batches", "jobs", "requests", "results", "attempts", "counters"):
            assert self.ask(f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608

    def assert_all_ended_once(self, state: str = "succeeded") -> None:
        """Each row of the input has one record in its run, and nothing else is left."""
        assert self.states("jobs") == {state: self.rows}
        records = self.ask(
            "SELECT j.line, r.state FROM results r JOIN jobs j ON j.id = r.job_id AND j.run = r.run"
            " ORDER BY j.line"
        )
        assert records == [(line, state) for line in range(1, self.rows + 1)]
        assert self.ask("SELECT job_id FROM results WHERE error_code = 'poison'") == []
        assert self.ask("SELECT name FROM hosts") == []
        assert_no_finished_row_was_generated_again(self)
        self._assert_the_counts_agree()
        self._assert_the_output_has_each_row()

    def _write_files(self) -> None:
        lines = [f'store.url = "{self.store_url}"']
        if self.broker_url is not None:
            lines.append(f'broker.url = "{self.broker_url}"')
        lines += [*self.settings, "[pools.fake]", 'backend = "fake"', f"slots = {self.slots}"]
        (self.path / "nightmill.toml").write_text("\n".join(lines))
        rows = ({"custom_id": f"r{i}", "prompt": f"row {i}"} for i in range(self.rows))
        (self.path / ROWS).write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    def _assert_the_counts_agree(self) -> None:
        with self.store.read() as c:
            counts = batches.counts(c, self.batch)
        in_store = self.states("jobs")
        assert {name: getattr(counts, name) for name in in_store} == in_store
        assert counts.total == self.rows

    def _assert_the_output_has_each_row(self) -> None:
        self.do("results", self.batch, "-o", OUT)
        ids = [row["custom_id"] for row in read_rows(self.path / OUT)]
        assert ids == [f"r{i}" for i in range(self.rows)]

    def assert_nothing_is_left_running(self) -> None:
        eventually(lambda: marked(str(self.path)) == [], "the children to follow", 20)


SUBMIT = ("submit", ROWS, "-o", OUT)
