"""A tunnel of its own to a real sshd with a web page behind it, for tests of the commands."""

import http.client
import json
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING, Any

from nightmill.bench.ports import free_port
from tests.nightmill.mill_process import FAKE_POOL
from tests.nightmill.printed import check_printed
from tests.tunnel.sshd import Sshd
from tests.waiting import eventually

if TYPE_CHECKING:
    # It makes one of these for its tests.
    from tests.nightmill.conftest import Command, Ended, Start


class Hello(BaseHTTPRequestHandler):
    """Answers every question alike."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Road:
    """A tunnel to a server with a web page, and the configuration that describes it."""

    sshd: Sshd
    file: Path
    page_port: int
    command: "Command"
    start: "Start"
    ports: list[int] = field(default_factory=lambda: [free_port()])

    def write(self, **changes: Any) -> None:
        """The configuration, with a local forward for each of the ports."""
        keys = {
            "servers": [f"127.0.0.1:{self.sshd.port}"],
            "user": self.sshd.user,
            "key_file": str(self.sshd.key_file),
            "known_hosts_file": str(self.sshd.known_hosts_file),
            "probe_every_s": 0.5,
            **changes,
        }
        local = [
            f'{{listen = "127.0.0.1:{port}", to = "127.0.0.1:{self.page_port}", probe = "http"}}'
            for port in self.ports
        ]
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        self.file.write_text(
            "\n".join([FAKE_POOL, "[tunnel.home]", *lines, f"local = [{', '.join(local)}]"])
        )

    def up(self, *args: str) -> "Popen[str]":
        return self.start("tunnel", "up", *args, "--config", str(self.file))

    def ask(self, verb: str, *args: str) -> "Ended":
        return self.command("tunnel", verb, *args, "--config", str(self.file))

    def report(self) -> Any:
        """What it says of itself; None while it does not run."""
        printed = self.ask("status", "--json").json
        check_printed("tunnel_status", printed)
        return printed["report"]

    def wait_until(self, state: str) -> Any:
        """The first report in this state."""

        def seen() -> Any:
            report = self.report()
            return report if report is not None and report["state"] == state else None

        return eventually(seen, f"the tunnel to be {state}")

    def page(self, port: int) -> str:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as c:
            c.request("GET", "/")
            return c.getresponse().read().decode()

    def listed(self) -> list[dict[str, Any]]:
        """The tunnels as the other machines see them."""
        tunnels: list[dict[str, Any]] = self.command("hosts", "--json").json["tunnels"]
        return tunnels
