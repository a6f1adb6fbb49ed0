"""Machines that are folders, and our programs on them, kept running as a supervisor would."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from nightmill.embedded.lifeline import Lifeline
from tests.chaos.ears import PostgresEar, RedisEar
from tests.chaos.holdings import held_by
from tests.chaos.proxy import Proxy
from tests.integration.mill import ROOT


class Machine:
    """A name, a home, and lines of its own to store and broker."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        row_s: float,
        holdings: Path,
        redis: Path,
        postgres: Path | None,
    ) -> None:
        self.name = name
        self.holdings = holdings
        self.home = folder / name
        self.data_dir = self.home / "data"
        self.broker = Proxy.open(redis, RedisEar)
        self.store = None if postgres is None else Proxy.open(postgres, PostgresEar)
        self._row_s = row_s
        self._lifeline = Lifeline()
        self.home.mkdir()

    @property
    def lines(self) -> list[Proxy]:
        return [self.broker] if self.store is None else [self.broker, self.store]

    def configure(self, store_file: Path, rest: str) -> None:
        """Write its `nightmill.toml`: its own lines, then what all machines have in common."""
        url = (
            f"sqlite:///{store_file}"
            if self.store is None
            else f"postgresql://postgres@127.0.0.1:{self.store.port}/nightmill"
        )
        (self.home / "nightmill.toml").write_text(
            f'store.url = "{url}"\nbroker.url = "redis://127.0.0.1:{self.broker.port}/0"\n{rest}'
        )

    def start(self, *args: str, out: Any, err: Any) -> subprocess.Popen[bytes]:
        """Start `nightmill ARGS` here, leading a process group of its own."""
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("NIGHTMILL_", "XDG_"))}
        ours = {
            "HOME": str(self.home),
            "NIGHTMILL_DATA_DIR": str(self.data_dir),
            "NIGHTMILL_DISCOVER": "false",
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.Popen(
            [
                sys.executable,
                *("-m", "tests.chaos.machine_process"),
                *(str(self._lifeline.fd), str(self._row_s), str(self.holdings)),
                *args,
            ],
            pass_fds=[self._lifeline.fd],
            cwd=self.home,
            env=keep | ours,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            process_group=0,
        )

    def close(self) -> None:
        self._lifeline.cut()
        for line in self.lines:
            line.close()


class Program:
    """One of our programs that is meant to run all the time."""

    def __init__(self, machine: Machine, *args: str) -> None:
        self.machine = machine
        self.name = f"{' '.join(args)} on {machine.name}"
        #: Whether nobody starts it again for now.
        self.is_down = False
        self._args = args
        self._out = machine.home / f"{'-'.join(args)}.jsonl"
        self._err = machine.home / f"{'-'.join(args)}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # What it says in this life only; what it complains of in all of them.
        with self._out.open("wb") as out, self._err.open("ab") as err:
            self._process = self.machine.start(*self._args, "--json", out=out, err=err)

    def said(self) -> list[dict[str, Any]]:
        """What it has printed since its last start."""
        lines = self._out.read_bytes().split(b"\n")[:-1] if self._out.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def complaints(self) -> str:
        return self._err.read_text(errors="replace") if self._err.exists() else ""

    @property
    def session(self) -> str | None:
        """A worker's session, once it takes jobs."""
        return next((said["session"] for said in self.said() if "session" in said), None)

    def leads_since(self) -> float:
        """When a dispatcher said that it leads, by this machine's clock; 0 where it does not."""
        said = self.said()
        return self._out.stat().st_mtime if said and said[-1].get("state") == "leading" else 0.0

    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return None if self._process is None else self._process.poll()

    def engines(self) -> list[psutil.Process]:
        """The engine processes of a worker."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        return [
            child for child in children if "tests.chaos.engine_child" in " ".join(child.cmdline())
        ]

    def signal(self, number: signal.Signals) -> None:
        """Signal the process alone: what it has started must notice by itself."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> list[str]:
        """`kill -9`; it is dead afterwards. The prompts that it had in its own hands."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        return held_by(self.machine.holdings, self._process.pid)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            # Also what stands still.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
