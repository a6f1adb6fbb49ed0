"""The key by which this machine shows who it is: a private one, or held by an SSH agent."""

import os
import shlex
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from jobs.tunnels import Cause
from tunnel.failures import TunnelError


@asynccontextmanager
async def own_key(file: Path, agent: Path | None) -> AsyncIterator[Sequence[asyncssh.SSHKeyPair]]:
    """The key of a file, also with the certificate beside it, as long as it is needed to log in.

    Raises:
        TunnelError: there is none that can be used; the message says what makes one.
    """
    _check_private(file)
    try:
        keys = asyncssh.load_keypairs(str(file))
    except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError, ValueError, OSError) as error:
        if "assphrase" not in str(error):
            raise _fault(
                f"{file} is no private key: {error}. Set `key_file` to one, or move this file away."
            ) from None
    else:
        yield keys
        return
    async with _from_agent(file, agent) as held:
        yield held


def public_key(file: Path) -> asyncssh.SSHKey:
    """The public half, as it lies beside the private one or in it.

    Raises:
        TunnelError: there is none.
    """
    for each in (file.with_name(f"{file.name}.pub"), file):
        try:
            return asyncssh.read_public_key(str(each))
        except (OSError, ValueError):
            continue
    try:
        return asyncssh.read_private_key(str(file)).convert_to_public()
    except (OSError, ValueError):
        name = shlex.quote(str(file))
        raise _fault(
            f"There is no public key beside {file}: `ssh-keygen -y -f {name} > {name}.pub`."
        ) from None


def _check_private(file: Path) -> None:
    try:
        found = file.stat()
    except FileNotFoundError:
        raise _fault(f"There is no key at {file}. {_make_one(file)}") from None
    except OSError as error:
        raise _fault(f"{file} cannot be looked at: {error.strerror}.") from None
    if file.suffix == ".pub":
        raise _fault(
            f"{file} is the public half of a key; the private one has to be named: set `key_file` "
            f"to {file.with_suffix('')}."
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise _fault(f"Others can read the key {file}: `chmod 600 {shlex.quote(str(file))}`.")
    if not os.access(file, os.R_OK):
        raise _fault(f"The key {file} cannot be read by the user that this runs as: whose is it?")


@asynccontextmanager
async def _from_agent(
    file: Path, agent: Path | None
) -> AsyncIterator[Sequence[asyncssh.SSHKeyPair]]:
    if agent is None:
        raise _fault(f"The key {file} has a passphrase, and there is no SSH agent. {_unlock(file)}")
    public = public_key(file)
    try:
        client = await asyncssh.connect_agent(str(agent))
    except OSError as error:
        raise _fault(
            f"The key {file} has a passphrase, and the SSH agent at {agent} does not answer: "
            f"{error.strerror}. {_unlock(file)}"
        ) from None
    async with client:
        try:
            held = await client.get_keys([public.public_data])
        except ValueError as error:
            raise _fault(f"The SSH agent at {agent} does not work: {error}.") from None
        if not held:
            raise _fault(
                f"The key {file} has a passphrase, and the SSH agent does not have it. "
                f"{_unlock(file)}"
            )
        yield held


def _fault(sentence: str) -> TunnelError:
    return TunnelError(Cause.CONFIGURATION, sentence)


def _make_one(file: Path) -> str:
    name = shlex.quote(str(file))
    return f"Correct `key_file`, or make one: `ssh-keygen -t ed25519 -N '' -f {name}`."


def _unlock(file: Path) -> str:
    return (
        f"Give it to an agent, `ssh-add {shlex.quote(str(file))}`, or use a key without one, which "
        "the server restricts to this tunnel: set `key_file`."
    )
