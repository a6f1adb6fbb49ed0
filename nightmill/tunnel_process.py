"""The process that keeps one tunnel up: the supervisor, and whoever is told how it is."""

import asyncio
import logging
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from importlib.metadata import version
from typing import Any

import msgspec

from jobs.errors import NightmillError, UsageError
from jobs.folders import locks_in
from jobs.guards import guard_of
from jobs.locks import FileLock
from jobs.settings import Settings
from jobs.store.tunnels import RENEW_S, TunnelRow
from jobs.tunnels import Cause, TunnelReport, TunnelState
from nightmill.configured import started_by
from nightmill.dialling import Dialled, dialled
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lock import holder, take
from nightmill.logs import log_to_stderr
from nightmill.machine import machine_name
from nightmill.readiness import is_well
from tunnel.brought import is_brought_by
from tunnel.control import Answer, Request, answering
from tunnel.journal import Journal
from tunnel.lease import Lease
from tunnel.supervisor import Supervisor
from tunnel.trying import faults

logger = logging.getLogger(__name__)

_MOVED = (
    "`data_dir` is another folder now, and this tunnel's lock, socket and pinned keys are where it"
    " began: end it, and start it again."
)

#: Told how it is at every change, on the loop's thread.
OnReport = Callable[[TunnelReport], None]


def run_tunnel(read: Callable[[], Settings], name: str | None, on_report: OnReport) -> int:
    """Keep a tunnel up until a signal comes; returns the number of the signal.

    `read` reads the settings, now and whenever it is to go by what they are by then. Raises
    `UsageError` where it cannot begin: there is no such tunnel, it runs already, or it lacks its
    key or that of the server. What `on_report` raises ends it, and is raised.
    """
    settings = read()
    tunnel = dialled(settings, name)
    data_dir = DataDir(settings.data_dir)
    data_dir.prepare()
    with _alone(data_dir, tunnel.name):
        log_to_stderr()
        return asyncio.run(_run(read, settings, tunnel, on_report))


async def _run(
    read: Callable[[], Settings], settings: Settings, tunnel: Dialled, on_report: OnReport
) -> int:
    await _require_no_faults(tunnel)
    return await _Process(read, settings, tunnel, on_report).run()


async def _require_no_faults(tunnel: Dialled) -> None:
    """Refuse what would get no connection, before one is let go or waited for."""
    if found := await faults(tunnel.name, tunnel.settings, tunnel.places):
        raise UsageError(" ".join(found))


class _Process:
    """One tunnel, its lease, its socket and its log."""

    def __init__(
        self, read: Callable[[], Settings], settings: Settings, tunnel: Dialled, on_report: OnReport
    ) -> None:
        self._read = read
        self._settings = settings
        self._tunnel = tunnel
        self._on_report = on_report
        #: Why nobody can be told any more, once nobody can.
        self._unheard: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._session = str(uuid.uuid4())
        self._guard = guard_of(locks_in(settings.data_dir))
        self._journal = Journal()
        self._reloading = asyncio.Lock()
        self._hung_up = set[asyncio.Task[str]]()
        self._lease = Lease(settings.store_url)
        self._manager = started_by()
        self._supervisor = Supervisor(
            tunnel.name, tunnel.settings, tunnel.places, lambda _: self._tell()
        )

    async def run(self) -> int:
        with _signals(self._hang_up) as stopped:
            async with AsyncExitStack() as last_first:
                await self._begin_to_answer(last_first)
                # Whoever started it need not wait for the server.
                self._manager.is_ready()
                running = asyncio.create_task(self._supervisor.run())
                telling = asyncio.create_task(self._keep_telling())
                last_first.push_async_callback(_end, running, telling)
                # Neither of the two ends by itself: what it raises is a fault of ours, and told.
                ends: list[asyncio.Future[Any]] = [running, telling, stopped, self._unheard]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                # While there is still a way to the store.
                await asyncio.to_thread(self._lease.end)
                for task in (running, telling):
                    if task.done():
                        task.result()
            if self._unheard.done():
                raise self._unheard.result()
            return stopped.result()

    async def _begin_to_answer(self, last_first: AsyncExitStack) -> None:
        socket = self._tunnel.socket
        try:
            await last_first.enter_async_context(answering(socket, self._answer))
        except OSError as error:
            raise UsageError(
                f"The tunnel's socket {socket} cannot be made: {error.strerror}. Only you may get"
                f" into its folder: `chmod 700 {socket.parent}`."
            ) from error

    async def _keep_telling(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(RENEW_S)

    def _tell(self) -> None:
        said = self._supervisor.report()
        self._lease.tell(self._row(said), self._settings.tunnel)
        report = self._report(said)
        self._journal.hear(report)
        if is_well(report, self._tunnel.settings):
            self._manager.is_alive(f"{report.state} {report.reason}".rstrip())
        self._tell_caller(report)

    def _tell_caller(self, report: TunnelReport) -> None:
        if self._unheard.done():
            return
        try:
            self._on_report(report)
        except Exception as error:  # noqa: BLE001  (it is raised by `run`)
            # Raised here, it would end a task of the supervisor and count as a fault of that.
            self._unheard.set_result(error)

    def _report(self, said: TunnelReport) -> TunnelReport:
        if not self._lease.rival:
            return said
        # It stays connected, else it would not learn when the name is free.
        return msgspec.structs.replace(
            said,
            state=TunnelState.HALTED,
            cause=Cause.CONFIGURATION,
            reason=(
                f"{self._lease.rival} runs a tunnel named {said.name} too. Give one of the two"
                " another name in its configuration, or end it."
            ),
        )

    def _row(self, report: TunnelReport) -> TunnelRow:
        urls = (self._settings.store_url, self._settings.broker_url)
        return TunnelRow(
            name=self._tunnel.name,
            session=self._session,
            guard=self._guard,
            brings=is_brought_by(self._tunnel.settings, urls),
            pools=self._tunnel.settings.pools,
            machine=machine_name(self._settings),
            version=version("nightmill"),
            report=report,
        )

    async def _answer(self, request: Request) -> Answer:
        fault = ""
        match request.do:
            case "reload":
                fault = await self._reload()
            case "retry":
                self._supervisor.retry_now()
        return Answer(report=self._report(self._supervisor.report()), fault=fault)

    def _hang_up(self) -> None:
        reloading = asyncio.create_task(self._reload())
        self._hung_up.add(reloading)
        reloading.add_done_callback(self._hung_up.discard)

    async def _reload(self) -> str:
        """Go by the settings as they are now; where they have faults, what these are."""
        async with self._reloading:
            try:
                settings = self._read()
                if settings.data_dir != self._settings.data_dir:
                    raise UsageError(_MOVED)
                tunnel = dialled(settings, self._tunnel.name)
                await _require_no_faults(tunnel)
            except NightmillError as error:
                logger.warning("Not reloaded: %s", error, extra={"action": "tunnel_not_reloaded"})
                return str(error)
            if settings.store_url != self._settings.store_url:
                # It goes on by itself until the store that it was kept in knows.
                self._lease.end(wait_s=0)
                self._lease = Lease(settings.store_url)
            self._settings, self._tunnel = settings, tunnel
            self._supervisor.reload(tunnel.settings)
            logger.info("The settings were read again.", extra={"action": "tunnel_reloaded"})
            return ""


@contextmanager
def _alone(data_dir: DataDir, name: str) -> Iterator[None]:
    lock = FileLock(data_dir.locks / f"tunnel-{name}.lock")
    if not take(lock):
        raise UsageError(
            f"Tunnel {name} runs already: {holder(lock)}. `nightmill tunnel status {name}` says"
            " how it is."
        )
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _signals(reload: Callable[[], None]) -> Iterator["asyncio.Future[int]"]:
    """The first signal that tells us to stop; the second one does not wait."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    had_terminal = os.isatty(2)

    def stop(number: int) -> None:
        if stopped.done():
            os._exit(128 + number)
        stopped.set_result(number)

    def hang_up() -> None:
        # Of a terminal that has gone, it is the news; else somebody asks for it.
        if had_terminal and not os.isatty(2):
            stop(signal.SIGHUP)
        else:
            reload()

    heard = [signal.SIGINT, signal.SIGTERM]
    for number in heard:
        loop.add_signal_handler(number, stop, number)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard.append(signal.SIGHUP)
        loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        yield stopped
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


async def _end(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
