"""What is printed for the server permits what a tunnel needs, and nothing else."""

import asyncio
import getpass
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from jobs.settings_tunnel import TunnelSettings
from nightmill.bench.ports import free_port
from tests.tunnel.sshd import Sshd, running
from tunnel.server_side import (
    NO_KEY,
    SshdVersion,
    authorized_keys_line,
    match_block,
    server_part,
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIh1 anna@studio"
REDIS = {"listen": "127.0.0.1:6379", "to": "127.0.0.1:6379"}
POSTGRES = {"listen": "127.0.0.1:5432", "to": "[::1]:5432"}
MODELS = {"listen": "127.0.0.1:11435", "to": "127.0.0.1:11434"}
SOCKET = {"listen": "/run/nightmill/mlx.sock", "to": "127.0.0.1:11434"}
V_9_2 = SshdVersion(9, 2)


def settings(local: list[Any], remote: list[Any] | None = None) -> TunnelSettings:
    return TunnelSettings.model_validate(
        {"servers": ["mill.example.org"], "local": local, "remote": remote or []}
    )


BOTH = settings([REDIS, POSTGRES], [MODELS])


def test_the_key_may_forward_what_the_tunnel_needs_and_nothing_else() -> None:
    assert authorized_keys_line("home", BOTH, KEY) == (
        'restrict,port-forwarding,permitlisten="127.0.0.1:11435",permitopen="127.0.0.1:6379",'
        'permitopen="[::1]:5432",permitopen="127.0.0.1:11435",command="/usr/sbin/nologin"'
        " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIh1 nightmill-tunnel-home"
    )


def test_what_is_not_needed_is_permitted_where_nobody_can_use_it() -> None:
    """To say nothing of a direction would permit all of it."""
    only_local = authorized_keys_line("home", settings([REDIS]), KEY)
    only_socket = authorized_keys_line("home", settings([], [SOCKET]), KEY)

    assert 'permitlisten="127.0.0.1:1",permitopen="127.0.0.1:6379"' in only_local
    assert 'permitlisten="127.0.0.1:1",permitopen="127.0.0.1:1"' in only_socket


def test_a_key_that_is_none_is_refused() -> None:
    for text in ("", "-----BEGIN OPENSSH PRIVATE KEY-----", 'ssh-ed25519 AA"\ncommand'):
        if text.startswith("ssh"):
            assert "\n" not in authorized_keys_line("home", BOTH, text)
            continue
        with pytest.raises(ValueError, match="a public key as OpenSSH writes it"):
            authorized_keys_line("home", BOTH, text)
    assert NO_KEY in authorized_keys_line("home", BOTH, NO_KEY)


def test_sockets_are_let_through_only_where_one_is_wanted() -> None:
    to_socket = {"listen": "127.0.0.1:5432", "to": "/run/pg/.s.PGSQL.5432", "probe": "postgres"}
    for wanted, allowed in (
        (BOTH, "no"),
        (settings([REDIS], [SOCKET]), "remote"),
        (settings([to_socket]), "local"),
        (settings([to_socket], [SOCKET]), "yes"),
    ):
        block = match_block(wanted, V_9_2)
        assert f"AllowStreamLocalForwarding {allowed}\n" in block
        assert ("StreamLocalBindUnlink yes" in block) == (allowed in {"remote", "yes"})


def test_an_older_sshd_is_told_what_it_knows_and_its_owner_what_is_missing() -> None:
    new, middle, old = (
        server_part("home", BOTH, KEY, version)
        for version in (V_9_2, SshdVersion(8, 9), SshdVersion(7, 4))
    )

    assert "UnusedConnectionTimeout none" in new
    assert "UnusedConnectionTimeout" not in middle
    assert "ClientAliveInterval 15" in middle
    assert "older than" not in middle
    assert "PermitListen" not in old
    assert "permitlisten" not in old
    assert "    ClientAliveInterval" not in old
    assert "Put `ClientAliveInterval 15` at the head" in old
    assert "cannot limit where the account listens" in old


def test_the_version_is_read_from_whatever_names_it() -> None:
    for text, version in (
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u6", (9, 2)),
        ("OpenSSH_10.0p2, OpenSSL 3.5.1 1 Jul 2025", (10, 0)),
        ("SSH-2.0-OpenSSH_for_Windows_8.1", (8, 1)),
    ):
        assert SshdVersion.parse(text) == version
    assert SshdVersion.parse("SSH-2.0-dropbear_2022.83") is None


@pytest.mark.parametrize("wanted", [BOTH, settings([REDIS], [SOCKET])], ids=["ports", "socket"])
def test_the_sshd_of_this_machine_takes_the_block_and_means_it(
    wanted: TunnelSettings, sshd_program: str, tmp_path: Path
) -> None:
    version = SshdVersion.parse(_said(sshd_program, "-V"))
    assert version is not None
    with running(tmp_path, config=match_block(wanted, version)) as server:
        who = "user=nightmill-tunnel,host=studio,addr=127.0.0.1"
        asked = (sshd_program, "-T", "-f", str(server.folder / "sshd_config"), "-C")
        ours = set(_said(*asked, who).splitlines())
        others = set(_said(*asked, who.replace("tunnel", "x")).splitlines())

    assert {"maxsessions 0", "permittty no", "clientaliveinterval 15", "gatewayports no"} <= ours
    assert ("permitlisten 127.0.0.1:11435" in ours) == (wanted is BOTH)
    assert ("streamlocalbindunlink yes" in ours) == (wanted is not BOTH)
    assert {"maxsessions 10", "permitlisten any", "clientaliveinterval 0"} <= others


@pytest.mark.parametrize("by", ["key", "account", "both"])
def test_a_real_server_lets_through_what_the_tunnel_needs_and_nothing_else(
    by: str, sshd_program: str, tmp_path: Path
) -> None:
    """The line of the key is enough, and so is the block of the account, but for a shell."""
    there, elsewhere, not_permitted = free_port(), free_port(), free_port()
    wanted = settings(
        [{"listen": "127.0.0.1:6379", "to": f"127.0.0.1:{there}", "probe": "redis"}],
        [{"listen": f"127.0.0.1:{elsewhere}", "to": "127.0.0.1:11434"}],
    ).model_copy(update={"user": getpass.getuser()})
    config = "" if by == "key" else match_block(wanted, V_9_2)
    with running(tmp_path / "sshd", config=config) as server:
        if by != "account":
            public_key = server.key_file.with_suffix(".pub").read_text()
            line = authorized_keys_line("home", wanted, public_key, V_9_2)
            (server.folder / "authorized_keys").write_text(line + "\n")
        asyncio.run(_hold(server, there, elsewhere, not_permitted))


async def _hold(server: Sshd, there: int, elsewhere: int, not_permitted: int) -> None:
    async with await server.connect() as c:
        listening = await c.forward_remote_port("127.0.0.1", elsewhere, "127.0.0.1", there)
        for port, reason in (
            # Nobody listens at the one; at the other it is ourselves.
            (there, asyncssh.OPEN_CONNECT_FAILED),
            (not_permitted, asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED),
        ):
            with pytest.raises(asyncssh.ChannelOpenError) as refused:
                await c.open_connection("127.0.0.1", port)
            assert refused.value.code == reason
        _, writer = await c.open_connection("127.0.0.1", elsewhere)
        writer.close()
        with pytest.raises(asyncssh.ChannelListenError):
            await c.forward_remote_port("127.0.0.1", not_permitted, "127.0.0.1", there)
        with pytest.raises((asyncssh.ChannelOpenError, asyncssh.ProcessError)):
            await c.run("true", check=True)
        listening.close()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_what_is_pasted_is_a_script_that_a_shell_reads(tmp_path: Path) -> None:
    script = tmp_path / "server.sh"
    script.write_text(server_part("home", BOTH, KEY, V_9_2))

    assert _said("bash", "-n", str(script)) == ""


@pytest.mark.skipif(shutil.which("getent") is None, reason="the script is for Linux")
@pytest.mark.parametrize(
    ("entry", "stops"),
    [
        ("tunnel:*:0:0::/root:/usr/sbin/nologin", True),
        ("tunnel:*:1000:1000::/home/tunnel:/bin/bash", True),
        ("tunnel:*:1000:1000::/home/tunnel:", True),
        ("tunnel:*:999:999::/home/tunnel:/usr/sbin/nologin", False),
        ("tunnel:*:999:999::/home/tunnel:/bin/false", False),
        ("", False),
    ],
)
def test_what_is_pasted_stops_where_somebody_logs_in_by_the_account(
    tmp_path: Path, entry: str, *, stops: bool
) -> None:
    """The commands up to the first that would change something, on a server with this account."""
    getent = tmp_path / "getent"
    getent.write_text(f"#!/bin/sh\necho '{entry}'\n")
    getent.chmod(0o755)
    whole = server_part("home", BOTH, KEY, V_9_2)
    script, found, _ = whole.partition("id nightmill-tunnel ")
    assert found

    ended = subprocess.run(
        ("sh", "-c", f"{script}echo goes on\n)"),
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == ((1, "") if stops else (0, "goes on\n"))
    assert ("Somebody logs in as nightmill-tunnel" in ended.stderr) == stops


def _said(*command: str) -> str:
    ended = subprocess.run(
        command,
        env={**os.environ, "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ended.stdout
