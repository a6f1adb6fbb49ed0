"""Host keys that are pinned."""

import socket
import stat
from pathlib import Path

import asyncssh
import pytest

from jobs.endpoints import Endpoint
from jobs.tunnels import Cause
from tunnel.failures import TunnelError
from tunnel.host_keys import pin, pinned
from tunnel.names import Address

LAN, WAN = Endpoint("192.168.1.20", 22), Endpoint("mill.example.org", 2222)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tunnel" / "home.known_hosts"


def new_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519").convert_to_public()


def at(server: Endpoint, host: str = "192.0.2.1") -> Address:
    return Address(server, socket.AF_INET, (host, server.port))


def test_what_is_pinned_is_known_at_all_addresses_of_the_server(file: Path) -> None:
    key = new_key()
    pin(file, [LAN, WAN], key)
    for server in (LAN, WAN):
        assert [*pinned(file, "home", at(server))[0]] == [key]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_pinning_another_key_replaces_the_one_before_and_leaves_other_servers_alone(
    file: Path,
) -> None:
    first, second, other = new_key(), new_key(), new_key()
    pin(file, [LAN, WAN], first)
    pin(file, [Endpoint("other.example.org", 22)], other)
    pin(file, [WAN], second)
    assert [*pinned(file, "home", at(WAN))[0]] == [second]
    assert [*pinned(file, "home", at(LAN))[0]] == [first]
    assert [*pinned(file, "home", at(Endpoint("other.example.org", 22)))[0]] == [other]
    assert len(file.read_text().splitlines()) == 3


def test_a_missing_file_says_how_the_key_is_pinned(file: Path) -> None:
    with pytest.raises(TunnelError, match="`nightmill tunnel trust home`") as found:
        pinned(file, "home", at(LAN))
    assert found.value.cause is Cause.CONFIGURATION


def test_a_file_about_another_server_is_none_about_this_one(file: Path) -> None:
    pin(file, [LAN], new_key())
    with pytest.raises(TunnelError, match=r"No host key of mill\.example\.org:2222 is pinned"):
        pinned(file, "home", at(WAN))


def test_a_file_that_cannot_be_read_is_told(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("nonsense\n")
    with pytest.raises(TunnelError, match="cannot be read: Invalid known hosts entry"):
        pinned(file, "home", at(LAN))
