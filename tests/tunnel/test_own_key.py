"""The key of this machine, as it lies about."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from jobs.tunnels import Cause
from tests.waiting import eventually
from tunnel.failures import TunnelError
from tunnel.own_key import own_key, public_key

PASSPHRASE = "a made-up one"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "key"


pytestmark = pytest.mark.usefixtures("openssh_client")


@pytest.fixture(scope="session")
def openssh_client() -> None:
    """Skips where `ssh-keygen` and `ssh-agent` are missing; in CI they have to be there."""
    if not all(map(shutil.which, ("ssh-keygen", "ssh-agent"))):
        reason = "there is no OpenSSH here (Debian has it in openssh-client)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """The socket of an agent without keys."""
    place = tmp_path / "agent"
    running = subprocess.Popen(["ssh-agent", "-D", "-a", str(place)], stdout=subprocess.DEVNULL)
    eventually(place.exists, "the agent")
    yield place
    running.terminate()
    running.wait()


def write_key(file: Path, *, passphrase: str = "", mode: int = 0o600) -> asyncssh.SSHKey:
    """A key alone, without its public half beside it."""
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(file)]
    subprocess.run(make, check=True)
    file.with_name("key.pub").unlink()
    file.chmod(mode)
    return asyncssh.read_public_key(str(file))


async def public_of(file: Path, agent: Path | None = None) -> bytes:
    async with own_key(file, agent) as keys:
        return keys[-1].public_data


def fault(file: Path, agent: Path | None = None) -> str:
    with pytest.raises(TunnelError) as found:
        asyncio.run(public_of(file, agent))
    assert found.value.cause is Cause.CONFIGURATION
    return str(found.value)


def test_a_private_key_is_taken_as_it_is(file: Path) -> None:
    key = write_key(file)
    assert asyncio.run(public_of(file)) == key.public_data


def test_a_certificate_beside_the_key_is_offered_too(file: Path) -> None:
    key = write_key(file)
    authority = asyncssh.generate_private_key("ssh-ed25519")
    certificate = authority.generate_user_certificate(key, "mill")
    file.with_name("key-cert.pub").write_bytes(certificate.export_certificate())

    async def offered() -> list[bool]:
        async with own_key(file, None) as keys:
            return [each.has_cert for each in keys]

    assert asyncio.run(offered()) == [True, False]


def test_a_missing_key_says_how_one_is_made(file: Path) -> None:
    assert f"`ssh-keygen -t ed25519 -N '' -f {file}`" in fault(file)


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o601])
def test_a_key_that_others_can_read_says_how_to_hide_it(file: Path, mode: int) -> None:
    write_key(file, mode=mode)
    assert fault(file) == f"Others can read the key {file}: `chmod 600 {file}`."


def test_what_is_no_key_is_told_as_such(file: Path) -> None:
    file.touch(mode=0o600)
    file.write_text("nothing of the kind")
    said = fault(file)
    assert "is no private key" in said
    # It would write over the same file.
    assert "ssh-keygen" not in said
    assert "`key_file`" in said


def test_the_public_half_in_the_place_of_the_private_one_is_told_as_such(file: Path) -> None:
    key = write_key(file)
    public = file.with_name("key.pub")
    public.write_bytes(key.export_public_key())
    assert fault(public) == (
        f"{public} is the public half of a key; the private one has to be named: set `key_file` to "
        f"{file}."
    )


def test_a_key_with_a_passphrase_needs_an_agent(file: Path) -> None:
    write_key(file, passphrase=PASSPHRASE)
    said = fault(file)
    assert "has a passphrase, and there is no SSH agent" in said
    assert f"`ssh-add {file}`" in said


def test_an_agent_that_is_gone_is_told(file: Path, tmp_path: Path) -> None:
    write_key(file, passphrase=PASSPHRASE)
    assert "does not answer: No such file" in fault(file, tmp_path / "gone")


def test_an_agent_without_the_key_is_told(file: Path, agent: Path) -> None:
    write_key(file, passphrase=PASSPHRASE)
    said = fault(file, agent)
    assert "the SSH agent does not have it" in said
    assert f"`ssh-add {file}`" in said


def test_a_key_with_a_passphrase_is_used_through_the_agent(file: Path, agent: Path) -> None:
    key = write_key(file)
    other = asyncssh.generate_private_key("ssh-ed25519")

    async def give_keys() -> None:
        async with await asyncssh.connect_agent(str(agent)) as client:
            await client.add_keys([other, str(file)])

    asyncio.run(give_keys())
    change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", str(file)]
    subprocess.run(change, check=True)
    assert asyncio.run(public_of(file, agent)) == key.public_data


def test_the_public_half_is_found_beside_the_private_one_or_in_it(file: Path) -> None:
    key = write_key(file, passphrase=PASSPHRASE)
    assert public_key(file).public_data == key.public_data
    other = asyncssh.generate_private_key("ssh-ed25519")
    file.with_name("key.pub").write_bytes(other.export_public_key())
    assert public_key(file).public_data == other.public_data


def test_a_missing_public_half_says_how_it_is_made(file: Path) -> None:
    with pytest.raises(TunnelError, match="ssh-keygen -y -f"):
        public_key(file)
