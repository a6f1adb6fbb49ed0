"""`nightmill tunnel` beside a real sshd: up, asked, reloaded, ended, and what it wants first."""

import http.client
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from jobs.store import tunnels
from jobs.store.store import Store
from jobs.store.tunnels import TunnelRow
from jobs.tunnels import TunnelReport, TunnelState
from tests.doubles.mlx_server import free_port
from tests.nightmill.conftest import Command, Ended, Start
from tests.nightmill.mill_process import FAKE_POOL, end_of, start_in_a_terminal
from tests.nightmill.printed import check_printed
from tests.tunnel.sshd import Sshd
from tests.waiting import eventually

#: A tunnel of the same name on another machine.
ELSEWHERE = TunnelRow(
    name="home",
    session="another",
    guard="laptop's",
    brings=False,
    pools=(),
    machine="laptop",
    version="0.1.0",
    report=TunnelReport(name="home", state=TunnelState.UP),
)


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
    command: Command
    start: Start
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

    def ask(self, verb: str, *args: str) -> Ended:
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


@pytest.fixture
def road(
    mill: Path, sshd: Sshd, command: Command, start: Start, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Road]:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    road = Road(sshd, mill / "tunnels.toml", server.server_port, command, start)
    road.write()
    yield road
    server.shutdown()
    server.server_close()


def test_it_comes_up_is_seen_from_elsewhere_and_ends_with_its_signal(road: Road) -> None:
    process = road.up("home", "--json")
    report = road.wait_until("up")

    assert road.page(road.ports[0]) == "hello"
    assert report["server"] == f"127.0.0.1:{road.sshd.port}"
    assert report["forwards"][0]["rtt_ms"] > 0
    said = road.ask("status")
    assert (said.status, "answers in" in said.out) == (0, True)
    eventually(lambda: [each["is_alive"] for each in road.listed()] == [True], "the lease")
    check_printed("hosts", road.command("hosts", "--json").json)

    process.send_signal(signal.SIGTERM)
    status, out, err = end_of(process)

    assert status == 143, err
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        check_printed("tunnel_up", line)
    assert [line["report"]["state"] for line in lines].count("up") == 1
    assert "[tunnel_up]" in err
    assert road.listed() == []
    assert (road.ask("status").status, road.report()) == (1, None)


def test_ctrl_c_ends_it_as_it_ends_other_commands(road: Road) -> None:
    process = road.up()
    road.wait_until("up")
    process.send_signal(signal.SIGINT)
    assert end_of(process)[0] == 130


def test_it_ends_with_the_terminal_that_it_was_started_from(road: Road) -> None:
    process, terminal = start_in_a_terminal("tunnel", "up", "--config", str(road.file))
    try:
        road.wait_until("up")
        os.close(terminal)
        assert process.wait(60) == 143
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("way", ["command", "signal"])
def test_forwards_change_without_another_connection(road: Road, way: str) -> None:
    process = road.up()
    road.wait_until("up")
    kept, added = road.ports[0], free_port()
    road.ports.append(added)
    road.write()

    if way == "command":
        check_printed("tunnel_reload", road.ask("reload", "--json").json)
    else:
        process.send_signal(signal.SIGHUP)

    eventually(lambda: len(road.report()["forwards"]) == 2, "the second forward")
    report = road.wait_until("up")
    assert [road.page(port) for port in (kept, added)] == ["hello", "hello"]
    assert report["connects"] == 1


def test_a_configuration_with_faults_changes_nothing(road: Road) -> None:
    road.up()
    road.wait_until("up")
    good = road.file.read_text()
    road.file.write_text(good.replace("probe_every_s = 0.5", "probe_every_s = 'x'"))

    # The command reads it too, and says so itself; the tunnel is told by a signal.
    assert road.ask("reload").status == 2

    road.file.write_text(good)
    assert road.page(road.ports[0]) == "hello"


def test_a_key_that_is_not_there_does_not_end_a_connection_that_works(road: Road) -> None:
    road.up()
    road.wait_until("up")
    road.write(key_file=str(road.file.parent / "no_key"))

    told = road.ask("reload")

    assert (told.status, "Tunnel home goes on as it was: There is no key" in told.err) == (2, True)
    assert "Correct `key_file`" in told.err
    report = road.report()
    assert (report["state"], report["connects"]) == ("up", 1)


def test_what_the_server_permits_by_now_is_found_by_doctor_and_had_by_reload(road: Road) -> None:
    road.sshd.permit('permitopen="127.0.0.1:1"')
    road.up()
    road.wait_until("degraded")
    assert "permitopen=" in forward_of(road.ask("doctor", "--json").json)

    road.sshd.permit("")
    assert "`nightmill tunnel reload home`" in forward_of(road.ask("doctor", "--json").json)
    road.ask("reload")

    assert road.wait_until("up")["connects"] == 2
    road.sshd.permit('permitopen="127.0.0.1:1"')
    assert "permitopen=" in forward_of(road.ask("doctor", "--json").json)


def forward_of(diagnosis: Any) -> str:
    """What is said of the one forward."""
    [said] = [each for each in diagnosis["findings"] if each["what"].startswith("forward")]
    return str(said["sentence"])


def test_a_store_that_does_not_answer_is_blamed_on_the_tunnel_that_brings_it(road: Road) -> None:
    road.file.write_text(
        f'{road.file.read_text()}\n[store]\nurl = "postgresql://m@127.0.0.1:{road.ports[0]}/m"\n'
    )
    asked = road.command("hosts", f"--config={road.file}")
    way_out = f"does not run here: `nightmill tunnel up home --config {road.file}`."
    assert (asked.status, way_out in asked.err) == (3, True)

    road.sshd.stop()
    road.up()
    road.wait_until("backoff")

    asked = road.command("hosts", "--config", str(road.file))
    assert (asked.status, "It comes through tunnel home, which is" in asked.err) == (3, True)
    assert f"Nothing listens at 127.0.0.1:{road.sshd.port}" in asked.err


def test_there_is_one_of_a_name(road: Road) -> None:
    process = road.up()
    road.wait_until("up")

    status, _, err = end_of(road.up())

    assert status == 2
    assert f"Tunnel home runs already: process {process.pid}." in err


def test_a_name_that_another_machine_has_is_told_until_it_is_free(road: Road, mill: Path) -> None:
    road.command("batches")
    with closing(Store.open(f"sqlite:///{mill / 'data' / 'nightmill.db'}")) as store:
        with store.write() as c:
            tunnels.take(c, ELSEWHERE)
        road.up()

        report = road.wait_until("halted")
        assert "laptop runs a tunnel named home too" in report["reason"]
        with store.write() as c:
            tunnels.leave(c, "home", ELSEWHERE.session)
        assert road.wait_until("up")["connects"] == 1


def test_a_server_that_goes_is_told_and_found_again(road: Road) -> None:
    road.up()
    road.wait_until("up")

    road.sshd.stop()
    report = road.wait_until("backoff")
    assert report["reason"]
    said = road.ask("status")
    assert (said.status, "home: down for" in said.out) == (1, True)

    road.sshd.start()
    assert road.wait_until("up")["connects"] == 2


def test_a_server_is_trusted_by_the_fingerprint_that_was_compared(road: Road) -> None:
    known_hosts = road.file.parent / "pinned" / "home.known_hosts"
    road.write(known_hosts_file=str(known_hosts))
    status, _, err = end_of(road.up())
    assert (status, "`nightmill tunnel trust home`" in err) == (2, True)

    shown = road.ask("trust", "--json").json
    check_printed("tunnel_trust", shown)
    assert (shown["pinned"], shown["is_trusted"], known_hosts.exists()) == ([], False, False)
    refused = road.ask("trust", "--fingerprint", "SHA256:another")
    assert (refused.status, known_hosts.exists()) == (2, False)
    assert shown["fingerprint"] in refused.err
    assert shown["fingerprint"] in road.ask("trust").out

    assert road.ask("trust", "--fingerprint", shown["fingerprint"]).status == 0

    again = road.ask("trust", "--json").json
    assert (again["pinned"], again["is_trusted"]) == ([shown["fingerprint"]], True)
    road.up()
    road.wait_until("up")


def test_another_host_key_halts_it_until_that_is_trusted(road: Road) -> None:
    road.up()
    road.wait_until("up")
    road.sshd.stop()
    road.sshd.change_host_key()
    road.sshd.start()

    report = road.wait_until("halted")
    assert report["cause"] == "host key"
    shown = road.ask("trust", "--json").json
    assert shown["fingerprint"] in report["reason"]
    assert shown["pinned"] != [shown["fingerprint"]]

    road.ask("trust", "--fingerprint", shown["fingerprint"])

    road.wait_until("up")


def test_without_a_key_it_says_how_one_is_made(road: Road) -> None:
    road.write(key_file=str(road.file.parent / "no_key"))
    status, _, err = end_of(road.up())
    assert (status, "ssh-keygen -t ed25519" in err) == (2, True)


def test_a_server_that_is_not_there_cannot_be_trusted(road: Road) -> None:
    road.sshd.stop()
    told = road.ask("trust")
    assert (told.status, "Nothing listens at" in told.err) == (3, True)


def test_what_does_not_run_cannot_be_reloaded(road: Road) -> None:
    told = road.ask("reload")
    assert (told.status, "nightmill tunnel up home" in told.err) == (2, True)


def test_the_plain_command_is_printed(road: Road) -> None:
    printed = road.ask("print-ssh")
    assert printed.out.startswith("ssh -N -T ")
    assert printed.out.endswith(f" {road.sshd.user}@127.0.0.1\n")


def test_which_tunnel_is_meant_has_to_be_clear(command: Command, mill: Path) -> None:
    assert "None is configured" in command("tunnel", "status").err
    one = 'servers = ["s"]\nlocal = [{listen = "127.0.0.1:1", to = "127.0.0.1:6379"}]\n'
    (mill / "two.toml").write_text(f"[tunnel.home]\n{one}[tunnel.office]\n{one}")

    for args in ([], ["nowhere"]):
        told = command("tunnel", "status", *args, "--config", "two.toml")
        assert (told.status, "Configured are: home, office." in told.err) == (2, True)


@pytest.mark.parametrize("verb", ["up", "status", "reload", "trust", "print-ssh"])
def test_every_verb_has_help_with_an_example(command: Command, verb: str) -> None:
    shown = command("tunnel", verb, "--help").out
    assert f"Example: nightmill tunnel {verb}" in shown
    assert "--json" in shown
    assert "--config" in shown


def test_its_manager_hears_that_it_is_ready_and_then_how_it_is(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = road.file.with_name("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(address))
        told.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        process = road.up("home")

        heard = [told.recv(1000)]
        while heard[-1] != b"WATCHDOG=1\nSTATUS=up":
            heard.append(told.recv(1000))

    assert b"READY=1\nSTATUS=" in heard
    process.terminate()
    assert end_of(process)[0] == 143
