import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nightmill.cli import main
from tests.nightmill import mill_process
from tests.nightmill.processes import MARK, marked
from tests.nightmill.road import Hello, Road
from tests.tunnel.conftest import sshd, sshd_program  # noqa: F401  (fixtures)
from tests.tunnel.sshd import Sshd


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A mark in the environment that every process of the test inherits; all end with it."""
    mark = str(tmp_path)
    monkeypatch.setenv(MARK, mark)
    yield mark
    for process in marked(mark):
        process.kill()


@pytest.fixture
def home(tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home with a data directory of its own, and the current folder in it."""
    for name in [n for n in os.environ if n.startswith(("NIGHTMILL_", "XDG_")) and n != MARK]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NIGHTMILL_DATA_DIR", str(tmp_path / "data"))
    # What else runs on this machine has no say in a test.
    monkeypatch.setenv("NIGHTMILL_DISCOVER", "false")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mill(home: Path) -> Path:
    """A home with a pool that answers by itself, at once."""
    (home / "nightmill.toml").write_text(mill_process.FAKE_POOL)
    return home


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(mill: Path) -> Iterator[Start]:
    """Starts `nightmill ARGS` as a process that does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*args: str) -> "subprocess.Popen[str]":
        started.append(mill_process.start(*args))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        mill_process.end_of(process)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture
def command(
    mill: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Command:
    """Runs a command line in this very process; for commands that start nothing."""

    def run(*args: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["nightmill", *args])
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfdbinary.readouterr()
        return Ended(int(str(ended.value.code or 0)), said.out.decode(), said.err.decode())

    return run


@pytest.fixture
def road(
    mill: Path,
    sshd: Sshd,  # noqa: F811  (the fixture)
    command: Command,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Road]:
    """A tunnel's configuration, with a real sshd and a web page behind it."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    road = Road(sshd, mill / "tunnels.toml", server.server_port, command, start)
    road.write()
    yield road
    server.shutdown()
    server.server_close()
