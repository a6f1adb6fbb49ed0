"""A real sshd, started by a test: on a free port of loopback, for this user, with its own keys."""

import getpass
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
from nightmill.bench.own_sshd import command, find_sshd, new_key, prepare
from tests.waiting import eventually

#: None where there is none. It has to be called by its whole path.
PROGRAM = find_sshd()

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
        login = prepare(folder, config, address=address, port=port)
        self.address, self.port, self.user = login.address, login.port, login.user
        self.key_file, self.known_hosts_file = login.key_file, login.known_hosts_file
        self.log = folder / "sshd.log"
        self._master: subprocess.Popen[bytes] | None = None
        #: Those whose master is gone are found nowhere else.
        self._orphans: list[psutil.Process] = []
        self.permit(key_options)

    def start(self) -> None:
        """Start it, on the port that it had before."""
        self._master = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, start_new_session=True
        )
        eventually(self._is_there, "sshd to answer")

    def command(self) -> list[str]:
        """How it is started."""
        assert PROGRAM is not None
        return command(PROGRAM, self.folder)

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
        children = psutil.Process(self._master.pid).children(recursive=True)
        return [each for each in children if not _is_over(each)]

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

    def know(self, port: int) -> None:
        """Take its key for that of another port of this machine, too, which leads to it."""
        [line] = self.known_hosts_file.read_text().splitlines()
        self.known_hosts_file.write_text(f"[127.0.0.1]:{port},{line}")

    def change_host_key(self) -> None:
        """Become another server in the eyes of who comes after the next start."""
        new_key(self.folder / "host_key")

    def have_host_keys(self, *kinds: str) -> None:
        """Have one of each of these kinds, too, from the next start on."""
        with (self.folder / "sshd_config").open("a") as config:
            for kind in kinds:
                new_key(self.folder / kind, kind)
                config.write(f"HostKey {self.folder / kind}\n")

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


def _is_over(process: psutil.Process) -> bool:
    """Whether it has ended, though its parent has not looked yet."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
