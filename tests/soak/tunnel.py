"""A real tunnel process, what it holds, and the hardened server that it leads to."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from jobs.endpoints import Endpoint
from jobs.tunnels import TunnelReport, TunnelState
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.sockets import short_folders, tunnel_socket
from tests.nightmill.mill_process import FAKE_POOL
from tests.tunnel.services import call, port, redis, say, serving, until
from tests.tunnel.sshd import hardened, running
from tests.tunnel.wire import Wire
from tunnel.control import Request, ask

NAME = "soak"
#: Several times as many as it takes to meet it once without a probe.
_SAMPLES = 20
_PING = b"PING\r\n"


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What a process holds that could grow."""

    channels: int
    tasks: int
    descriptors: int
    threads: int
    memory_kb: int


_NAMES = Held.__struct_fields__


def least(samples: Sequence[Held]) -> Held:
    """What was held all the time.

    Its probes, and whoever asks how it is, add a task, a channel and a descriptor for a moment;
    what leaks is there in every sample.
    """
    return Held(**{name: min(getattr(each, name) for each in samples) for name in _NAMES})


class Tunnel(NamedTuple):
    """The process, and both ends of what goes through it."""

    process: subprocess.Popen[bytes]
    folder: Path
    wire: Wire
    local: Endpoint
    remote: Endpoint

    def report(self) -> TunnelReport | None:
        """What it says of itself; None while it cannot be asked."""
        socket = tunnel_socket(DataDir(self.folder / "data"), NAME, short_folders())
        answer = ask(socket, Request(do="status"))
        return None if answer is None else answer.report

    async def until(
        self, condition: Callable[[TunnelReport], bool], what: str, within_s: float = 120
    ) -> TunnelReport:
        """Ask it until that holds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while True:
            report = await asyncio.to_thread(self.report)
            if report is not None and condition(report):
                return report
            assert loop.time() < end, f"waited {within_s} s in vain for {what}: {report}"
            assert self.process.poll() is None, "the tunnel has ended"
            # How often it is asked; nothing rests on the length of this pause.
            await asyncio.sleep(0.02)

    async def until_up(self, healed_s: Callable[[], float] = lambda: 1e9) -> TunnelReport:
        """Wait until all forwards have answered since it was healed, so many seconds ago."""

        def is_up(report: TunnelReport) -> bool:
            since_s = healed_s()
            answered = [each.answered_s for each in report.forwards]
            return report.state is TunnelState.UP and all(
                each is not None and each < since_s for each in answered
            )

        return await self.until(is_up, "all forwards to be up")

    async def use(self) -> None:
        """Go through it as workers do: short questions, and some who leave before it is open."""
        for listen in (self.local, self.remote):
            for _ in range(3):
                assert await say(listen, _PING) == b"+PONG\r\n"
        for _ in range(5):
            _, writer = await call(self.local)
            writer.transport.abort()

    async def held(self) -> Held:
        """What it holds, once nothing goes through."""
        await self.until(
            lambda now: not any(each.open for each in now.forwards) and not now.channels,
            "all connections through it to end",
        )
        return least([await self._sample() for _ in range(_SAMPLES)])

    async def _sample(self) -> Held:
        report = await asyncio.to_thread(self.report)
        assert report is not None
        process = psutil.Process(self.process.pid)
        return Held(
            channels=report.channels,
            tasks=await self._tasks(),
            descriptors=process.num_fds(),
            threads=process.num_threads(),
            memory_kb=process.memory_full_info().uss // 1024,
        )

    async def _tasks(self) -> int:
        file = self.folder / "tasks"
        file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        await until(file.exists, "the tunnel to count its tasks")
        return int(file.read_text())


@asynccontextmanager
async def dug() -> AsyncIterator[Tunnel]:
    """A tunnel that is up, through a network that may fail, for as long as the block lasts."""
    async with AsyncExitStack() as last_first:
        folder = Path(tempfile.mkdtemp(prefix="soak"))
        last_first.callback(shutil.rmtree, folder, ignore_errors=True)
        local, remote = port(), port()
        service = await last_first.enter_async_context(serving(redis))
        permitted = hardened(listen=[str(remote)], opens=[str(service), str(remote)])
        sshd = last_first.enter_context(running(folder / "sshd", config=permitted))
        wire = await last_first.enter_async_context(Wire(sshd.port))
        sshd.know(wire.port)
        settings = {
            "servers": [f"127.0.0.1:{wire.port}"],
            "user": sshd.user,
            "key_file": str(sshd.key_file),
            "known_hosts_file": str(sshd.known_hosts_file),
            "probe_every_s": 0.5,
            "probe_s": 1,
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        for key, listen in (("local", local), ("remote", remote)):
            lines.append(f'{key} = [{{listen = "{listen}", to = "{service}", probe = "redis"}}]')
        (folder / "nightmill.toml").write_text("\n".join([FAKE_POOL, f"[tunnel.{NAME}]", *lines]))
        process = _start(folder)
        last_first.callback(_end, process)
        tunnel = Tunnel(process, folder, wire, local, remote)
        await tunnel.until_up()
        yield tunnel


def _start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NIGHTMILL_")}
    command = [sys.executable, "-m", "tests.soak.tunnel_process", str(folder / "tasks")]
    config = str(folder / "nightmill.toml")
    # The process has its own copy of the file; ours is closed at once.
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*command, "tunnel", "up", NAME, "--config", config],
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment
            | {
                "NIGHTMILL_DATA_DIR": str(folder / "data"),
                "HOME": str(folder),
                "SSH_AUTH_SOCK": "",
            },
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    process.kill()
    process.wait()
