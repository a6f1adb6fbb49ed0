"""Which of its host keys a server is asked for."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncssh
import pytest

from jobs.endpoints import Endpoint
from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import Cause
from tests.tunnel.sshd import Sshd
from tunnel.failures import TunnelError
from tunnel.host_keys import fingerprint, pin, pinned
from tunnel.shown_keys import fetch

ECDSA, RSA, ED25519 = "ecdsa-sha2-nistp256", "ssh-rsa", "ssh-ed25519"
FORWARD = {"listen": "127.0.0.1:6379", "to": "127.0.0.1:6379"}


@pytest.fixture
def three(sshd: Sshd) -> Sshd:
    """A server with a host key of each kind, RSA first."""
    sshd.stop()
    sshd.have_host_keys(RSA, ECDSA)
    sshd.start()
    return sshd


def key(sshd: Sshd, kind: str) -> asyncssh.SSHKey:
    name = "host_key" if kind == ED25519 else kind
    return asyncssh.read_public_key(str(sshd.folder / f"{name}.pub"))


def settings(sshd: Sshd) -> TunnelSettings:
    return sshd.settings(local=[FORWARD])


def shown(
    sshd: Sshd, *, known: Sequence[asyncssh.SSHKey] = (), wanted: str | None = None
) -> list[str]:
    """The kinds of the keys that were shown."""
    _, keys = asyncio.run(fetch(settings(sshd), lambda _: known, wanted))
    return [each.get_algorithm() for each in keys]


def test_a_server_shows_its_key_without_a_login(sshd: Sshd, tmp_path: Path) -> None:
    address, [shown] = asyncio.run(fetch(settings(sshd), lambda _: ()))
    assert address.server == Endpoint("127.0.0.1", sshd.port)
    real = key(sshd, ED25519)
    assert fingerprint(shown) == fingerprint(real)
    assert fingerprint(shown).startswith("SHA256:")
    pin(tmp_path / "known_hosts", settings(sshd).addresses, shown)
    assert [*pinned(tmp_path / "known_hosts", "home", address)[0]] == [real]


def test_it_is_asked_for_the_kind_that_ssh_asks_for_first(three: Sshd) -> None:
    assert shown(three) == [ED25519]


@pytest.mark.parametrize("kind", [RSA, ECDSA])
def test_it_is_asked_for_the_kind_that_is_pinned_before_any_other(three: Sshd, kind: str) -> None:
    assert shown(three, known=[key(three, kind)]) == [kind]


def test_a_server_that_has_no_key_of_the_pinned_kind_shows_another(sshd: Sshd) -> None:
    rsa = asyncssh.generate_private_key(RSA).convert_to_public()
    assert shown(sshd, known=[rsa]) == [ED25519]


@pytest.mark.parametrize(
    ("kind", "asked"),
    [(ED25519, [ED25519]), (ECDSA, [ED25519, ECDSA]), (RSA, [ED25519, ECDSA, RSA])],
)
def test_it_is_asked_for_all_kinds_until_it_shows_the_one_that_is_wanted(
    three: Sshd, kind: str, asked: list[str]
) -> None:
    assert shown(three, wanted=fingerprint(key(three, kind))) == asked


def test_a_key_that_it_does_not_have_is_looked_for_among_all_kinds(three: Sshd) -> None:
    assert shown(three, wanted="SHA256:another") == [ED25519, ECDSA, RSA]


def test_one_that_says_nothing_is_not_waited_for_for_ever(sshd: Sshd) -> None:
    sshd.freeze()
    try:
        with pytest.raises(
            TunnelError, match="was reached and did not let anybody log in"
        ) as found:
            asyncio.run(fetch(settings(sshd).model_copy(update={"login_s": 0.2}), lambda _: ()))
    finally:
        sshd.thaw()
    assert found.value.cause is Cause.LOST
