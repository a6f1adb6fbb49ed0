"""A real sshd, started by a test: on a free port of loopback, for this user, with its own keys."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncssh
import psutil

from jobs.settings_tunnel import TunnelSettings
from tests.doubles.mlx_server import free_port
from tests.waiting import eventually

#: None where there is none. It has to be called by its whole path.
PROGRAM = shutil.which("sshd", path=os.pathsep.join((os.environ["PATH"], "/usr/sbin")))

#: Where Debian's keeps what it does before anybody has logged in; only root needs it.
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

#: What keeps an account to its forwards, as a server that is set up well has it.
_HARDENED = """\
ClientAliveInterval 15
ClientAliveCountMax 3
Match User {user}
    AllowTcpForwarding yes
    AllowStreamLocalForwarding no
    AllowAgentForwarding no
    GatewayPorts no
    PermitListen {listen}
    PermitOpen {open}
    MaxSessions 0
    PermitTTY no
    X11Forwarding no
"""


class Sshd:
    """The server, its one account, which is ours, and the files with which one logs in."""

    def __init__(
        self,
        folder: Path,
        *,
        config: str = "",
        key_options: str = "",
        address: str = "127.0.0.1",
        port: int | None = None,
    ) -> None:
        self.folder = folder
        self.address = address
        self.port = port or free_port()
        self.user = getpass.getuser()
        self.key_file = folder / "key"
        self.known_hosts_file = folder / "known_hosts"
        self.log = folder / "sshd.log"
        self._config = folder / "sshd_config"
        self._master: subprocess.Popen[bytes] | None = None
        #: Those whose master is gone are found nowhere else.
        self._orphans: list[psutil.Process] = []
        self._prepare(config, key_options)

    def start(self) -> None:
        """Start it, on the port that it had before."""
        if os.getuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(exist_ok=True, mode=0o755)
        self._master = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(self._is_there, "sshd to answer")

    def command(self) -> list[str]:
        """How it is started."""
        assert PROGRAM is not None
        return [PROGRAM, "-D", "-f", str(self._config), "-E", str(self.log)]

    def stop_listening(self) -> None:
        """End the process that takes connections; those that stand go on, with their ports."""
        if self._master is None:
            return
        self._orphans += self.sessions()
        self._master.kill()
        self._master.wait()
        self._master = None

    def stop(self) -> None:
        """End it with all of its connections, at once."""
        self.stop_listening()
        for session in self._orphans:
            with suppress(psutil.NoSuchProcess):
                session.kill()
        psutil.wait_procs(self._orphans, 30)
        self._orphans.clear()

    def freeze(self) -> None:
        """Go silent: what is sent to it is taken by the system, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._signal(signal.SIGCONT)

    def sessions(self) -> list[psutil.Process]:
        """The processes of its connections."""
        if self._master is None:
            return []
        return psutil.Process(self._master.pid).children(recursive=True)

    def settings(self, **more: Any) -> TunnelSettings:
        """Settings of a tunnel to it."""
        return TunnelSettings.model_validate(
            {
                "servers": [f"{self.address}:{self.port}"],
                "user": self.user,
                "key_file": self.key_file,
                "known_hosts_file": self.known_hosts_file,
                **more,
            }
        )

    async def connect(self, **options: Any) -> asyncssh.SSHClientConnection:
        """A connection that is logged in."""
        return await asyncssh.connect(
            self.address,
            self.port,
            username=self.user,
            client_keys=[str(self.key_file)],
            known_hosts=str(self.known_hosts_file),
            config=None,
            agent_path=None,
            **options,
        )

    def permit(self, key_options: str) -> None:
        """Put options before the key in `authorized_keys`; they count for new connections."""
        key = self.key_file.with_suffix(".pub").read_text()
        (self.folder / "authorized_keys").write_text(f"{key_options} {key}".lstrip())

    def change_host_key(self) -> None:
        """Become another server in the eyes of who comes after the next start."""
        _new_key(self.folder / "host_key")

    def _prepare(self, config: str, key_options: str) -> None:
        host_key = _new_key(self.folder / "host_key")
        _new_key(self.key_file)
        self.known_hosts_file.write_text(f"{self._place()} {host_key}")
        self.permit(key_options)
        self._config.write_text(
            _CONFIG.format(
                address=self.address, port=self.port, folder=self.folder, more=config.rstrip()
            )
        )

    def _place(self) -> str:
        # As a file of known hosts has it.
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"

    def _is_there(self) -> bool:
        assert self._master is not None
        assert self._master.poll() is None, self.log.read_text()
        with suppress(OSError), socket.create_connection((self.address, self.port), 5) as caller:
            return caller.recv(4) == b"SSH-"
        return False

    def _signal(self, number: int) -> None:
        assert self._master is not None
        for process in (psutil.Process(self._master.pid), *self.sessions(), *self._orphans):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


@contextmanager
def running(folder: Path, *, config: str = "", key_options: str = "") -> Iterator[Sshd]:
    """A server for as long as the block lasts.

    `config` are more lines of its `sshd_config`, `key_options` what stands before the key in
    `authorized_keys`.
    """
    folder.mkdir(exist_ok=True)
    server = Sshd(folder, config=config, key_options=key_options)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def hardened(*, listen: Iterable[str] = (), opens: Iterable[str] = ()) -> str:
    """Lines of `sshd_config` that permit nothing but to listen at some places, and open others."""
    return _HARDENED.format(
        user=getpass.getuser(), listen=" ".join(listen) or "none", open=" ".join(opens) or "none"
    )


def _new_key(path: Path) -> str:
    """Write a key, and its public half beside it; the public half."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key())
    public = key.export_public_key().decode()
    path.with_suffix(".pub").write_text(public)
    return public
