"""An OpenSSH server of one's own, on loopback and a free port unless it is said where."""

import getpass
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from jobs.settings_tunnel import SSH_PORT
from nightmill.bench.ports import free_port

#: Where Debian's keeps what it does before anybody has logged in; only root's needs it.
_PRIVILEGE_SEPARATION = Path("/run/sshd")

_CONFIG = """\
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
LogLevel VERBOSE
{more}
"""


@dataclass(frozen=True)
class Login:
    """How one logs in."""

    address: str
    port: int
    user: str
    key_file: Path
    known_hosts_file: Path


def find_sshd() -> str | None:
    """The whole path of sshd, as it wants to be called; None where there is none."""
    return shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


def prepare(
    folder: Path, more: str = "", *, address: str = "127.0.0.1", port: int | None = None
) -> Login:
    """Write what it needs to a folder; `more` are further lines of its `sshd_config`."""
    if os.getuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(exist_ok=True, mode=0o755)
    login = Login(
        address, port or free_port(), getpass.getuser(), folder / "key", folder / "known_hosts"
    )
    host_key = new_key(folder / "host_key")
    login.known_hosts_file.write_text(f"{_place(login)} {host_key}")
    (folder / "authorized_keys").write_text(new_key(login.key_file))
    config = _CONFIG.format(
        address=login.address, port=login.port, folder=folder, more=more.rstrip()
    )
    (folder / "sshd_config").write_text(config)
    return login


def command(program: str, folder: Path) -> list[str]:
    """What runs it, with what was prepared in a folder."""
    return [program, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "sshd.log")]


def new_key(path: Path, kind: str = "ssh-ed25519") -> str:
    """Write a key, and its public half beside it; the public half."""
    key = asyncssh.generate_private_key(kind)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key())
    public = key.export_public_key().decode()
    path.with_suffix(".pub").write_text(public)
    return public


def _place(login: Login) -> str:
    """As a file of known hosts has it."""
    return login.address if login.port == SSH_PORT else f"[{login.address}]:{login.port}"
