"""`nightmill tunnel doctor` beside a real sshd, and what it makes of a Mac's settings."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from jobs.settings import Settings
from jobs.settings_tunnel import TunnelSettings
from nightmill import power
from nightmill.bench.ports import free_port
from nightmill.checkup import Finding
from nightmill.services.runner import Ran
from nightmill.tunnel_doctor import Diagnosis, examine
from tests.nightmill.conftest import Command
from tests.nightmill.printed import check_printed
from tests.nightmill.services.machines import TUNNEL, Recorder, linux
from tests.tunnel.sshd import Sshd, running
from tests.waiting import eventually
from tunnel.server_side import USUAL, authorized_keys_line, match_block

PMSET = """\
System-wide power settings:
Currently in use:
 autorestart          0
 powernap             1
 sleep                10 (sleep prevented by caffeinate)
 displaysleep         10
"""


def kinds(found: Diagnosis, what: str) -> dict[str, str]:
    return {each.sentence: each.kind for each in found.findings if each.what.startswith(what)}


def look(home: Path, settings: TunnelSettings, runner: Recorder | None = None) -> Diagnosis:
    known = Settings(data_dir=home / "data", tunnel={"home": settings})
    site = linux(home, is_root=False).site
    return examine(known, None, site, runner or Recorder(), platform="linux")


def both_ways(server: Sshd) -> TunnelSettings:
    """A forward in each direction, to something that answers: the server itself."""
    there = f"127.0.0.1:{server.port}"
    forwards = [
        [{"listen": f"127.0.0.1:{free_port()}", "to": there, "probe": "none"}] for _ in range(2)
    ]
    return server.settings(local=forwards[0], remote=forwards[1])


@pytest.fixture
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def test_a_server_that_permits_what_is_printed_is_found_well(
    sshd_program: str, home: Path, no_agent: None
) -> None:
    with running(home / "sshd") as server:
        settings = both_ways(server)
        config = server.folder / "sshd_config"
        config.write_text(config.read_text() + match_block(settings, USUAL))
        public_key = server.key_file.with_suffix(".pub").read_text()
        line = authorized_keys_line("home", settings, public_key)
        (server.folder / "authorized_keys").write_text(line + "\n")
        server.stop()
        server.start()

        found = look(home, settings)

    assert set(kinds(found, "forward").values()) == {"fine"}
    assert set(kinds(found, "server").values()) == {"fine"}
    assert set(kinds(found, "keys").values()) == {"fine"}
    assert kinds(found, "names") == {"127.0.0.1 is 127.0.0.1": "fine"}
    assert len(kinds(found, "forward")) == 2
    assert f"PermitListen {settings.remote[0].listen}" in found.server
    assert public_key.split()[1] in found.server


def test_a_server_that_permits_too_much_is_warned_of(
    sshd: Sshd, home: Path, no_agent: None
) -> None:
    found = look(home, both_ways(sshd))

    warned = [sentence for sentence, kind in kinds(found, "server").items() if kind == "warning"]
    assert len(warned) == 2
    assert "may run any program" in warned[0]
    assert "may listen at any port" in warned[1]


def test_what_is_wrong_here_is_said_once_with_what_helps(
    sshd: Sshd, home: Path, no_agent: None
) -> None:
    settings = both_ways(sshd)
    sshd.key_file.chmod(0o644)
    with socket.create_server(("127.0.0.1", settings.local[0].listens_at.port)):
        found = look(home, settings)

    [wrong] = kinds(found, "keys")
    assert "chmod 600" in wrong
    assert kinds(found, "server") == {}
    taken = [each for each, kind in kinds(found, "forward").items() if kind == "problem"]
    assert len(taken) == 1
    assert "is taken here by" in taken[0]


@pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="there is no ssh-agent")
def test_a_key_that_only_an_agent_can_use_is_no_use_to_a_service(
    sshd: Sshd, home: Path, no_agent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = home / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", agent], stdout=subprocess.DEVNULL)
    try:
        eventually(agent.exists, "the agent")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        for command in (
            ["ssh-add", "-q", str(sshd.key_file)],
            ["ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(sshd.key_file)],
        ):
            subprocess.run(command, check=True, capture_output=True)
        found = look(home, both_ways(sshd))
    finally:
        process.terminate()
        process.wait()

    assert [*kinds(found, "keys").values()] == ["fine", "warning"]
    assert "127.0.0.1" in next(iter(kinds(found, "server")))


def test_a_service_that_is_not_there_or_has_failed_is_told(
    sshd: Sshd, home: Path, no_agent: None
) -> None:
    settings = both_ways(sshd)
    assert list(kinds(look(home, settings), "service").values()) == ["warning"]
    linux(home, is_root=False).site.path(TUNNEL.id).touch()
    failed = Recorder(show=Ran(0, "ActiveState=failed"))

    assert kinds(look(home, settings, failed), "service") == {
        "nightmill-tunnel-home is failed: `nightmill service logs tunnel home` says why.": "problem"
    }


def test_the_clock_is_compared_with_that_of_the_store(
    sshd: Sshd, home: Path, no_agent: None, command: Command
) -> None:
    command("batches")
    settings = Settings(data_dir=home / "data", tunnel={"home": both_ways(sshd)})
    site, runner = linux(home, is_root=False).site, Recorder()

    for wall_clock, kind in ((time.time, "fine"), (lambda: time.time() + 900, "warning")):
        found = examine(settings, "home", site, runner, wall_clock=wall_clock, platform="linux")
        assert list(kinds(found, "clock").values()) == [kind]


def test_the_command_prints_findings_and_the_servers_part(
    sshd: Sshd, home: Path, no_agent: None, command: Command
) -> None:
    listen = free_port()
    (home / "mine.toml").write_text(
        f"""
        [tunnel.home]
        servers = ["127.0.0.1:{sshd.port}"]
        user = "{sshd.user}"
        key_file = "{sshd.key_file}"
        known_hosts_file = "{sshd.known_hosts_file}"
        local = [{{listen = "127.0.0.1:{listen}", to = "127.0.0.1:1", probe = "http"}}]
        """
    )

    ended = command("tunnel", "doctor", "--config", "mine.toml", "--json")

    check_printed("tunnel_doctor", ended.json)
    assert (ended.status, ended.json["ok"]) == (2, False)
    shown = command("tunnel", "doctor", "--config", "mine.toml")
    assert "problem  forward" in shown.out
    assert "Match User" in shown.out


def test_a_mac_that_sleeps_and_stays_off_is_told_how_not_to() -> None:
    asleep = {each.sentence for each in power.of_mac(PMSET, "FileVault is On.")}
    awake = list(power.of_mac(" sleep 0\n autorestart 1", "FileVault is Off."))

    assert any("sleeps after 10 minutes" in each for each in asleep)
    assert any("autorestart 1" in each for each in asleep)
    assert any("FileVault" in each for each in asleep)
    assert awake == [Finding("sleep", "fine", "this Mac does not fall asleep by itself")]
