"""`nightmill service`, with a machine in a folder and commands that are only taken down."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nightmill.cli import service as commands
from nightmill.services import facts
from nightmill.services.runner import Ran
from tests.nightmill.conftest import Command
from tests.nightmill.printed import check_printed
from tests.nightmill.services.machines import Recorder, linux

CONFIG = """
[pools.mlx]
[pools.fake]
backend = "fake"
[tunnel.home]
servers = ["mill.example.org"]
local = [{ listen = "127.0.0.1:6379", to = "127.0.0.1:6379" }]
"""
RUNNING = Ran(0, "ActiveState=active\nMainPID=812\nNRestarts=0\nStatusText=leads")


@pytest.fixture
def machine(home: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """A server whose units lie in the test's folder; the current user gives the commands."""
    runner = Recorder(show=RUNNING, version=Ran(0, "systemd 252 (252.38)"))
    (home / "mill.toml").write_text(CONFIG)
    (home / "units").mkdir()
    site = linux(home / "units", is_root=False).site
    monkeypatch.setattr(commands, "run", runner)
    monkeypatch.setattr(commands, "here", lambda: site)
    monkeypatch.setattr(facts, "_RUNNING", home)
    return runner


def test_a_service_is_shown_installed_looked_at_and_uninstalled(
    machine: Recorder, command: Command, home: Path
) -> None:
    unit = home / "units" / "nightmill-worker-mlx.service"
    which = ("worker", "mlx", "--config", "mill.toml")

    shown = command("service", "install", *which, "--print")
    assert "ExecStart=" in shown.out
    assert "systemctl --user enable nightmill-worker-mlx.service" in shown.out
    assert not unit.exists()

    installed = command("service", "install", *which, "--json")
    check_printed("service_install", installed.json)
    assert unit.read_text() == installed.json["text"]
    assert f"--config {home / 'mill.toml'}" in unit.read_text()

    looked_at = command("service", "status", *which, "--json")
    check_printed("service_status", looked_at.json)
    assert (looked_at.status, looked_at.json["services"][0]["pid"]) == (0, 812)
    said = command("service", "logs", *which, "--json")
    check_printed("service_logs", said.json)

    gone = command("service", "uninstall", *which, "--json")
    check_printed("service_uninstall", gone.json)
    assert gone.json == {"schema": 1, "service": "nightmill-worker-mlx", "purged": None}
    assert f"rm -f {unit}" in machine.given


def test_what_does_not_run_ends_status_with_one(machine: Recorder, command: Command) -> None:
    command("service", "install", "dispatch", "--config", "mill.toml")
    assert "leads" in command("service", "status").out
    machine.answers["show"] = Ran(0, "ActiveState=failed\nExecMainStatus=2")

    ended = command("service", "status")

    assert ended.status == 1
    assert ended.out == "nightmill-dispatch  failed  ended with 2\n"


def test_a_tunnel_comes_with_what_its_server_has_to_permit(
    machine: Recorder, command: Command
) -> None:
    printed = command("service", "install", "tunnel", "--config", "mill.toml", "--print").out

    assert "nightmill tunnel up home" in printed.replace("-m ", "")
    assert "There is no public key beside" in printed
    assert "PermitOpen 127.0.0.1:6379" in printed


def test_purging_asks_first_and_removes_the_data(
    machine: Recorder, command: Command, home: Path
) -> None:
    command("service", "install", "monitor", "--config", "mill.toml")
    (home / "data" / "nightmill.db").touch()
    unasked = command("service", "uninstall", "monitor", "--purge")
    assert (unasked.status, "say --yes" in unasked.err) == (2, True)
    assert (home / "data" / "nightmill.db").exists()

    assert command("service", "uninstall", "monitor", "--purge", "--yes").status == 0
    assert not (home / "data").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["install", "worker"], "Which pool? Configured are: mlx, fake."),
        (["install", "worker", "x"], "There is no pool x."),
        (["install", "tunnel", "x"], "There is no tunnel x. Configured are: home."),
        (["install", "up", "x"], "There is only one `up` on a machine"),
        (["status", "up"], "There is no service for up here"),
        (["logs", "up", "--json", "--follow"], "leave one of them out"),
        (["uninstall", "worker", "../x"], "There is no pool ../x."),
    ],
)
def test_what_cannot_be_done_is_said(
    machine: Recorder, command: Command, words: list[str], says: str
) -> None:
    ended = command("service", *words, "--config", "mill.toml")

    assert ended.status == 2
    assert says in ended.err
    assert machine.given in ([], ["systemctl --version"])


def test_a_configuration_that_a_service_would_not_find_is_refused(
    machine: Recorder, command: Command, home: Path
) -> None:
    (home / "nightmill.toml").write_text(CONFIG.partition("[tunnel")[0])

    assert "name it with --config" in command("service", "install", "dispatch").err


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    def become(is_root: bool) -> None:
        site = linux(Path("/nowhere"), is_root=is_root).site
        monkeypatch.setattr(commands, "here", lambda: site)

    return become


def test_root_names_a_configuration_that_the_other_user_can_read(
    machine: Recorder, command: Command, as_root: Callable[[bool], None], home: Path
) -> None:
    as_root(True)
    own = home / ".config" / "nightmill" / "nightmill.toml"
    own.parent.mkdir(parents=True)
    own.write_text(CONFIG)
    (home / "nightmill.toml").unlink()
    other = ("service", "install", "dispatch", "--print", "--as", "nobody")

    assert f"is your own, {own}. Name the one that nobody is to go by" in command(*other).err
    assert f"--config {home / 'mill.toml'}" in command(*other, "--config", "mill.toml").out
    machine.answers["runuser -u nobody -- test -r"] = Ran(1, "")
    refused = command(*other, "--config", "mill.toml")
    assert (refused.status, "nobody cannot read" in refused.err) == (2, True)


def test_a_configuration_whose_name_no_service_could_hold_is_refused(
    machine: Recorder, command: Command, home: Path
) -> None:
    odd = home / "mill\nUser=root.toml"
    odd.write_text(CONFIG)

    refused = command("service", "install", "dispatch", "--print", "--config", str(odd))

    assert (refused.status, "expected `--config` to be printable" in refused.err) == (2, True)


def test_root_has_to_say_as_whom_and_nobody_else_may(
    machine: Recorder, command: Command, as_root: Callable[[bool], None]
) -> None:
    install = ("service", "install", "dispatch", "--config", "mill.toml", "--print")
    as_root(True)
    assert "As whom shall it run?" in command(*install).err
    assert "There is no user nobody-such" in command(*install, "--as", "nobody-such").err
    assert "User=root" in command(*install, "--as", "root").out
    as_root(False)
    assert "Only root can" in command(*install, "--as", "nobody-such").err
