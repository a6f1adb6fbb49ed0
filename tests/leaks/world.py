"""Runs the cases in a namespace where every packet off loopback is counted; prints what came.

Started by the tests: python -m tests.leaks.world, in network and mount namespaces of its own.
"""

import asyncio
import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from backends.errors import BackendError, ParkBackendError, PrivacyBreachError
from backends.ollama.backend import OllamaBackend
from backends.watch import Timeouts
from jobs.model import GenerationRequest, Message
from tests.doubles.ollama.daemon import Daemon, running
from tests.leaks.cases import ANSWERED, CASES, CLOSED, ELSEWHERE, Case
from tests.leaks.others import OTHERS
from tests.leaks.outside import Outside, look_names_up_outside, outside

PROMPT = "the-code-word"
_TIMEOUTS = Timeouts(connect_s=2, first_s=10, between_s=10, total_s=20)


def main() -> None:
    """All cases, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        look_names_up_outside(Path(folder))
        with outside() as way_out:
            came = {name: _watched(way_out, control) for name, control in CONTROLS.items()}
            came |= {name: _watched(way_out, other) for name, other in OTHERS.items()}
            for name, case in CASES.items():
                came[name] = _watched(way_out, lambda case=case: asyncio.run(_run(case)))
    json.dump(came, sys.stdout)


def _watched(way_out: Outside, work: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    way_out.taken()
    came = work() or {}
    return {**came, "packets": way_out.taken()}


async def _run(case: Case) -> dict[str, Any]:
    daemon = Daemon(case.models, version=case.version, cloud=case.cloud)
    daemon.broken.update(case.broken)
    with _environment(case.environ), running(daemon):
        backend = OllamaBackend(daemon.url, timeouts=_TIMEOUTS)
        try:
            ends, after = await _ask(case, daemon, backend)
        finally:
            await backend.close()
    return {
        "ends": ends,
        "after": after,
        "leaked": daemon.record.leaked,
        "reached": PROMPT in daemon.record.prompts,
        "keys": [h["authorization"] for h in daemon.record.headers if "authorization" in h],
    }


async def _ask(case: Case, daemon: Daemon, backend: OllamaBackend) -> tuple[str, str]:
    try:
        await backend.open()
        offered = {model.name for model in (await backend.look()).models}
    except (ParkBackendError, PrivacyBreachError):
        return CLOSED, await _ends(backend, case)
    if case.model in offered and case.ends == "privacy" and not (case.faults or case.broken):
        return "offered", ""
    daemon.faults.extend(case.faults)
    if case.then is not None:
        case.then(daemon)
    return await _ends(backend, case), await _ends(backend, case)


async def _ends(backend: OllamaBackend, case: Case) -> str:
    request = GenerationRequest(
        model=case.model,
        messages=(Message("user", PROMPT),),
        endpoint="embeddings" if case.endpoint == "embeddings" else "chat",
        schema=case.schema,
    )
    try:
        await backend.generate(request, lambda _tokens: None)
    except BackendError as error:
        return str(error.code)
    return ANSWERED


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _send_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ip:
        ip.sendto(b"x", (ELSEWHERE, 9))


def _send_a_datagram_by_ipv6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as ip, suppress(OSError):
        ip.sendto(b"x", ("2001:db8:1::9", 9))


def _connect() -> None:
    with socket.socket() as ip:
        ip.settimeout(0.1)
        with suppress(OSError):
            ip.connect((ELSEWHERE, 80))


def _look_up_a_name() -> None:
    with suppress(OSError):
        socket.getaddrinfo("ollama.com", 443)


#: What has to be counted, or the counting counts nothing.
CONTROLS: dict[str, Callable[[], None]] = {
    "control: a datagram": _send_a_datagram,
    "control: a datagram by IPv6": _send_a_datagram_by_ipv6,
    "control: a connection": _connect,
    "control: a name": _look_up_a_name,
}


if __name__ == "__main__":
    main()
