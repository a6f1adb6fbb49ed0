"""Host keys that are pinned."""

import base64
import hashlib
import hmac
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


def line_of(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


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


def hashed(name: str) -> str:
    """A name as OpenSSH writes it with `HashKnownHosts yes`."""
    salt = b"salt" * 5
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    "before",
    [
        f"{hashed('[mill.example.org]:2222')} ",
        "[mill.example.org]:2222\t",
        "@cert-authority [mill.example.org]:2222 ",
    ],
)
def test_a_key_that_was_pinned_otherwise_is_replaced_alike(file: Path, before: str) -> None:
    file.parent.mkdir()
    other = f"{hashed('other.example.org')} {line_of(new_key())}"
    file.write_text(f"# mine\n{before}{line_of(new_key())}\n{other}\n")
    key = new_key()
    pin(file, [WAN], key)
    known = pinned(file, "home", at(WAN))
    assert ([*known[0]], [*known[1]]) == ([key], [])
    assert file.read_text().splitlines()[:2] == ["# mine", other]


def test_a_key_that_was_revoked_stays_so(file: Path) -> None:
    file.parent.mkdir()
    revoked = new_key()
    file.write_text(f"@revoked [mill.example.org]:2222 {line_of(revoked)}\n")
    pin(file, [WAN], new_key())
    assert [*pinned(file, "home", at(WAN))[2]] == [revoked]


@pytest.mark.parametrize("pattern", ["*", "@cert-authority [*.example.org]:2222"])
def test_a_pattern_that_vouches_for_the_server_too_is_told_and_nothing_is_pinned(
    file: Path, pattern: str
) -> None:
    file.parent.mkdir()
    file.write_text(before := f"{pattern} {line_of(new_key())}\n")
    with pytest.raises(TunnelError, match=r"pattern that vouches for \[mill\.example\.org\]:2222"):
        pin(file, [WAN], new_key())
    assert file.read_text() == before


def test_nothing_is_pinned_in_a_file_that_cannot_be_read(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("nonsense\n")
    with pytest.raises(TunnelError, match="nothing was pinned"):
        pin(file, [WAN], new_key())


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
