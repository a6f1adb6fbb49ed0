"""Looking over all that a tunnel depends on, on this machine and on its server."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import msgspec

from jobs.errors import NightmillError
from jobs.settings import Settings
from jobs.store.store import Store
from jobs.tunnels import ForwardReport, ForwardState, TunnelReport
from nightmill import power
from nightmill.checkup import Finding
from nightmill.dialling import Dialled, dialled
from nightmill.services.facts import Site
from nightmill.services.permits import permits
from nightmill.services.runner import Runner
from nightmill.services.service import Service
from nightmill.services.state import state_of
from tunnel.control import Request
from tunnel.failures import TunnelError
from tunnel.names import Names
from tunnel.own_key import own_key
from tunnel.permitted import Permitted, visit
from tunnel.server_side import USUAL
from tunnel.trying import faults
from worker.presence import refuse_wrong_clock


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and what the server has to permit."""

    name: str
    findings: tuple[Finding, ...]
    #: Commands for the server, ready to paste.
    server: str


def examine(
    settings: Settings,
    name: str | None,
    site: Site,
    runner: Runner,
    *,
    platform: str = sys.platform,
    wall_clock: Callable[[], float] = time.time,
) -> Diagnosis:
    """Look at everything; nothing is changed. A tunnel that runs is asked, and goes on.

    Raises `UsageError` where there is no such tunnel.
    """
    tunnel = dialled(settings, name)
    running = _report_of(tunnel)
    found = asyncio.run(visit(tunnel.name, tunnel.settings, tunnel.places, running))
    findings = (
        *asyncio.run(_keys(tunnel)),
        *asyncio.run(_names(tunnel)),
        *_server(found),
        *_forwards(found.forwards if running is None else _compared(running, found)),
        *_sleep(platform, runner),
        *_clock(settings, wall_clock),
        *_service(tunnel.name, site, runner),
    )
    sshd = found.sshd or USUAL
    server = permits(settings, tunnel.name, tunnel.places.home, sshd)
    # What is wrong with a key is also why the server was not asked.
    once = {finding.sentence: finding for finding in reversed(findings)}
    return Diagnosis(name=tunnel.name, findings=tuple(reversed(once.values())), server=server)


def _report_of(tunnel: Dialled) -> TunnelReport | None:
    answer = tunnel.ask(Request(do="status"))
    return None if answer is None else answer.report


async def _keys(tunnel: Dialled) -> list[Finding]:
    wrong = await faults(tunnel.name, tunnel.settings, tunnel.places)
    if wrong:
        return [Finding("keys", "problem", sentence) for sentence in wrong]
    file = tunnel.places.key_file(tunnel.settings)
    found = [Finding("keys", "fine", f"{file}, which only you can read, and {tunnel.known_hosts}")]
    try:
        async with own_key(file, agent=None):
            return found
    except TunnelError:
        needs = f"The key {file} is used through your SSH agent, which a service does not have."
        way_out = "Set `key_file` to one without a passphrase; the server restricts it."
        return [*found, Finding("keys", "warning", f"{needs} {way_out}")]


async def _names(tunnel: Dialled) -> list[Finding]:
    found, names = [], Names()
    for server in tunnel.settings.addresses:
        try:
            addresses = await names.addresses(server, tunnel.settings.connect_s)
        except TunnelError as error:
            found.append(Finding("names", "problem", str(error)))
        else:
            leads_to = ", ".join(dict.fromkeys(each.host for each in addresses))
            found.append(Finding("names", "fine", f"{server.host} is {leads_to}"))
    return found


def _server(found: Permitted) -> Iterator[Finding]:
    if found.failure:
        yield Finding("server", "problem", found.failure)
        return
    version = "" if found.sshd is None else f", OpenSSH {found.sshd.major}.{found.sshd.minor}"
    yield Finding("server", "fine", f"{found.server} lets us in{version}")
    for sentence in found.excess:
        yield Finding("server", "warning", f"{sentence} Restrict it, with the lines below.")


def _compared(running: TunnelReport, found: Permitted) -> Iterator[ForwardReport]:
    """Forwards of a tunnel that runs, as a new connection has them where that was tried."""
    anew = {(each.direction, each.listen): each for each in found.forwards}
    for report in running.forwards:
        tried = anew.get((report.direction, report.listen))
        if tried is None or tried.state is ForwardState.CLOSED:
            yield report
        elif tried.state is ForwardState.UP is not report.state:
            reason = (
                f"{report.to} answers on a new connection, not on the one that is used:"
                f" `nightmill tunnel reload {running.name}` has it connect anew."
            )
            yield msgspec.structs.replace(report, reason=reason)
        else:
            yield tried


def _forwards(reports: Iterable[ForwardReport]) -> Iterator[Finding]:
    for report in reports:
        here, there = ("here", "there") if report.direction == "local" else ("there", "here")
        what = f"forward {report.listen} {here}"
        if report.state is ForwardState.UP:
            well = report.reason or f"{report.to} {there} answers"
            yield Finding(what, "fine", well)
        elif report.reason:
            yield Finding(what, "problem", report.reason)
        else:
            yield Finding(what, "warning", "It could not be tried: there is no connection.")


def _sleep(platform: str, runner: Runner) -> Iterator[Finding]:
    if platform == "darwin":
        pmset, filevault = runner(("pmset", "-g")), runner(("fdesetup", "status"))
        yield from power.of_mac(pmset.said, filevault.said)


def _clock(settings: Settings, wall_clock: Callable[[], float]) -> Iterator[Finding]:
    try:
        with closing(Store.open(settings.store_url)) as store:
            refuse_wrong_clock(store, wall_clock)
            yield Finding("clock", "fine", f"it agrees with that of the store {store.describe()}")
    except NightmillError as error:
        # The store may be behind the very tunnel that does not work yet.
        yield Finding("clock", "warning", str(error))


def _service(name: str, site: Site, runner: Runner) -> Iterator[Finding]:
    service = Service(kind="tunnel", name=name)
    if service.id not in site.installed():
        yield Finding(
            "service",
            "warning",
            "It does not begin with this machine: `nightmill service install tunnel"
            f" {name}` makes it.",
        )
        return
    state = state_of(service.id, site, runner)
    if state.state == "running":
        yield Finding("service", "fine", f"{service.id} runs, process {state.pid}")
    else:
        yield Finding(
            "service",
            "problem",
            f"{service.id} is {state.state}: `nightmill service logs tunnel {name}` says why.",
        )
