"""What the server has beside our programs, guarded as in compose.yaml: Redis, Postgres, sshd."""

import getpass
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil
import redis
from sqlalchemy import create_engine, text

from jobs.settings_tunnel import TunnelSettings
from tests.chaos.servers import PostgresServer
from tests.integration.two_machines.programs import Machine
from tests.tunnel.sshd import PROGRAM, Sshd
from tests.waiting import eventually
from tunnel.server_side import SshdVersion, authorized_keys_line, match_block

_HBA = """\
local all all trust
host all all 127.0.0.1/32 scram-sha-256
"""


class GuardedPostgres(PostgresServer):
    """One that also listens on the loopback of a machine, and wants a password there."""

    def __init__(self, folder: Path, machine: Machine, password: str) -> None:
        super().__init__(folder)
        self._machine = machine
        self._password = password

    listen = "127.0.0.1"

    def start(self) -> None:
        super().start()
        (self._data / "pg_hba.conf").write_text(_HBA)
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as c:
            # A password of our own making has nothing to quote.
            c.execute(text(f"CREATE ROLE nightmill SUPERUSER LOGIN PASSWORD '{self._password}'"))
            c.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()

    def _run(self, command: Sequence[str]) -> None:
        user = self._server.system_user
        as_user = ["setpriv", f"--reuid={user}", "--clear-groups", "--"] if user else []
        super()._run([*self._machine.inside, *as_user, *command])

    def _user(self) -> str | None:
        # It takes root to get inside; `setpriv` makes it another user there.
        return None


def start_redis(machine: Machine, command: Sequence[str], password_file: Path) -> None:
    """Start Redis on the loopback of a machine, and wait until it lets us in."""
    socket = machine.home / "redis.sock"
    machine.start(*command, "--bind", "127.0.0.1", "--unixsocket", str(socket))

    def answers() -> bool:
        password = password_file.read_text()
        with redis.Redis(
            unix_socket_path=str(socket), username="nightmill", password=password
        ) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    eventually(answers, "Redis")


class HardenedSshd(Sshd):
    """The real sshd on a machine's own address, for one account that can carry one tunnel."""

    def __init__(self, folder: Path, machine: Machine, address: str) -> None:
        super().__init__(folder, address=address, port=22)
        self._machine = machine

    def permit_tunnel(self, name: str, settings: TunnelSettings) -> None:
        """Let its account do what `nightmill` says that this tunnel needs, and no more."""
        assert settings.user == getpass.getuser()
        version = _version()
        key = self.key_file.with_suffix(".pub").read_text()
        line = authorized_keys_line(name, settings, key, version)
        (self.folder / "authorized_keys").write_text(line + "\n")
        with (self.folder / "sshd_config").open("a") as config:
            config.write(match_block(settings, version))

    def session(self) -> psutil.Process:
        """The process that holds the forwarded ports of the newest connection."""
        return max(self.sessions(), key=psutil.Process.create_time)

    def command(self) -> list[str]:
        """How it is started."""
        return [*self._machine.inside, *super().command()]

    def _is_there(self) -> bool:
        return self._machine.can_reach(self.address, self.port)


def _version() -> SshdVersion:
    assert PROGRAM is not None
    said = subprocess.run([PROGRAM, "-V"], capture_output=True, text=True, check=False)
    version = SshdVersion.parse(said.stdout + said.stderr)
    assert version is not None, said.stderr
    return version
