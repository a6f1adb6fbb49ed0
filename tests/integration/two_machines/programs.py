"""Programs on one of the machines, which nobody starts again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from nightmill.embedded.lifeline import Lifeline
from tests.integration.mill import ROOT


class Machine:
    """A home in a network namespace."""

    def __init__(self, home: Path, inside: Sequence[str]) -> None:
        self.home = home
        self.inside = tuple(inside)
        self.config = home / "nightmill.toml"
        #: Where engines write down what they hold.
        self.holdings = home / "holdings"
        self.programs: list[Program] = []
        self._lifeline = Lifeline()
        self.holdings.mkdir(parents=True)

    def start(self, *command: str) -> "Program":
        """Start a program that stays."""
        program = Program(self, command)
        self.programs.append(program)
        return program

    def start_nightmill(self, *args: str) -> "Program":
        """Start `nightmill ARGS` so that its engine writes down what it holds."""
        return self.start(*self._nightmill(*args))

    def run(self, *args: str) -> "subprocess.CompletedProcess[str]":
        """Run `nightmill ARGS` to its end."""
        return subprocess.run(
            [*self.inside, *self._nightmill(*args)],
            cwd=self.home,
            env=self._env,
            pass_fds=[self._lifeline.fd],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def can_reach(self, host: str, port: int) -> bool:
        """Whether something there lets this machine in."""
        program = (
            f"import socket; raise SystemExit(socket.socket().connect_ex(({host!r}, {port})) != 0)"
        )
        done = subprocess.run([*self.inside, sys.executable, "-c", program], check=False)
        return done.returncode == 0

    def end(self) -> None:
        """Leave nothing running."""
        self._lifeline.cut()
        for program in reversed(self.programs):
            program.end()

    def spawn(self, command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
        with log.open("ab") as file:
            return subprocess.Popen(
                [*self.inside, *command],
                cwd=self.home,
                env=self._env,
                pass_fds=[self._lifeline.fd],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def _nightmill(self, *args: str) -> list[str]:
        tied = (str(self._lifeline.fd), "0", str(self.holdings))
        return [sys.executable, "-P", "-m", "tests.chaos.machine_process", *tied, *args]

    @property
    def _env(self) -> dict[str, str]:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("NIGHTMILL_", "XDG_"))}
        return keep | {
            "HOME": str(self.home),
            "NIGHTMILL_DATA_DIR": str(self.home / "data"),
            "NIGHTMILL_DISCOVER": "false",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }


class Program:
    """One that is meant to run until the end of the test."""

    def __init__(self, machine: Machine, command: Sequence[str]) -> None:
        self.name = (
            " ".join(command[command.index("tests.chaos.machine_process") + 4 :])
            if ("tests.chaos.machine_process" in command)
            else Path(command[0]).name
        )
        self._log = machine.home / f"{len(machine.programs):02}-{self.name.split()[0]}.log"
        self._process = machine.spawn(command, self._log)

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def text(self) -> str:
        """All that it has printed."""
        return self._log.read_text(errors="replace")

    def said(self) -> list[dict[str, Any]]:
        """The lines of JSON among it."""
        lines = [line for line in self.text().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    def tree(self) -> list[psutil.Process]:
        """It and all that it has started."""
        process = psutil.Process(self._process.pid)
        return [process, *process.children(recursive=True)]

    def end(self) -> None:
        """Kill it with its group, stopped or not."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
