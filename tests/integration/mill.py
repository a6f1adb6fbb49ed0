"""A home of its own for each test, and real `nightmill` processes in it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
TICKETS = ROOT / "examples" / "tickets.jsonl"
MARK = "NIGHTMILL_TEST_RUN"
OUT = "labels.jsonl"
#: The first tickets, as many as it takes to be in the middle of something.
SOME = "some.jsonl"
SOME_TICKETS = 120


@dataclass
class Mill:
    """An empty home and data directory, and what a person would do there."""

    home: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    extra_env: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def env(self) -> dict[str, str]:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("NIGHTMILL_", "XDG_"))}
        ours = {"HOME": str(self.home), "NIGHTMILL_DATA_DIR": str(self.data_dir), MARK: self.mark}
        # What else runs on this machine has no say in a test.
        ours["NIGHTMILL_DISCOVER"] = "false"
        return keep | ours | self.extra_env

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start `nightmill ARGS` in the home, leading a process group of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "nightmill", *args],
            cwd=self.home,
            env=self.env | {"PYTHONPATH": self.python_path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self.started.append(process)
        return process

    @property
    def python_path(self) -> str:
        return os.pathsep.join(filter(None, [self.extra_env.get("PYTHONPATH"), str(ROOT)]))

    def run(self, *args: str, within_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `nightmill ARGS` to its end."""
        process = self.start(*args)
        out, err = process.communicate(timeout=within_s)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def processes(self) -> list[psutil.Process]:
        """Every living process that came out of this home, whoever its parent is now."""
        return [p for p in psutil.process_iter() if self._is_ours(p)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            # Redis writes its title over its environment; it works in the data directory.
            return process.environ().get(MARK) == self.mark or Path(process.cwd()).is_relative_to(
                self.data_dir
            )
        except psutil.Error:
            return False

    def find_all(self, *words: str) -> list[psutil.Process]:
        """The living processes of this home whose command line has all these words."""
        return [p for p in self.processes() if all(word in command_line(p) for word in words)]

    def find(self, *words: str) -> psutil.Process | None:
        """One of them, if there is any."""
        return next(iter(self.find_all(*words)), None)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the store from outside; nothing while it is not there yet."""
        path = self.data_dir / "nightmill.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(sql).fetchall()

    def finished(self) -> int:
        """How many jobs have a terminal record."""
        rows = self.ask("SELECT count(*) FROM results")
        return int(rows[0][0]) if rows else 0

    def end(self) -> None:
        for process in self.processes():
            process.kill()
        for process in self.started:
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def kill_group(process: subprocess.Popen[str]) -> None:
    """`kill -9` of the whole process group, as a closing lid of a coffin would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def run_tickets() -> tuple[str, ...]:
    """README's main command."""
    return ("run", str(TICKETS), "-o", OUT)


def run_some_tickets(mill: Mill) -> tuple[str, ...]:
    """The same for the first of them only."""
    lines = TICKETS.read_text("utf-8").splitlines(keepends=True)
    (mill.home / SOME).write_text("".join(lines[:SOME_TICKETS]), "utf-8")
    return ("run", SOME, "-o", OUT)


def assert_no_finished_row_was_generated_again(mill: Mill) -> None:
    """Read from the history: no attempt began after its job had its record, and none won twice."""
    won_twice = mill.ask(
        "SELECT job_id FROM attempts WHERE outcome = 'succeeded' GROUP BY job_id, run"
        " HAVING count(*) > 1"
    )
    late = mill.ask(
        "SELECT a.job_id FROM attempts a JOIN results r ON r.job_id = a.job_id AND r.run = a.run"
        " WHERE a.started_at > r.finished_at"
    )
    assert won_twice == []
    assert late == []
