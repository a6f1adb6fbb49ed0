"""Throughput through one local forward, against `ssh -L` to the same sshd, both on loopback."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from jobs.errors import StoppedEarlyError, UsageError
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.own_sshd import Login, command, find_sshd, prepare
from nightmill.bench.places import workplace
from nightmill.bench.ports import free_port
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.runner import alternate
from nightmill.embedded.child import python
from nightmill.embedded.lifeline import Lifeline

#: MiB of one measurement.
SIZE = 512
HOLD = 0.3
OURS, PEER = "Nightmill", "ssh -L"
PEER_IS = "`ssh -N -L` as OpenSSH is set up by itself, cipher included, through the same sshd"
PEER_HAS = "no probes, no counts, no way to stay bound while there is no connection"

#: Seconds for either side to log in.
_START_S = 30.0
_LOOK_S = 0.02
_BLOCK = bytes(2**20)
_DOWN, _UP, _DONE = b"d", b"u", b"."

#: MiB a second of so many, through the forward that listens at a port.
Measure = Callable[[int, int], float]


def run_tunnel(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure both ways, from the server and to it; `UsageError` where OpenSSH is missing."""
    with workplace(options.folder) as folder, _service() as to, _tunnels(folder, to) as ports:
        parts = [
            _judged(name, measure, ports, options, on_progress)
            for name, measure in (("tunnel down", _down), ("tunnel up", _up))
        ]
    return combined(parts)


def _judged(
    name: str,
    measure: Measure,
    ports: dict[str, int],
    options: BenchOptions,
    on_progress: OnProgress,
) -> BenchResult:
    size = options.size or SIZE
    sides = {side: partial(measure, port, size) for side, port in ports.items()}
    rounds = alternate(name, sides, options.runs, on_progress)
    return judge(
        name,
        [Run(ours=figures[OURS], peer=figures[PEER]) for figures in rounds],
        HOLD,
        unit="MiB/s",
        peer=PEER_IS,
        peer_has=PEER_HAS,
        mib=size,
    )


def _down(port: int, size: int) -> float:
    with _called(port, _DOWN, size) as caller:
        began = time.perf_counter()
        _swallow(caller, size * len(_BLOCK))
        return size / (time.perf_counter() - began)


def _up(port: int, size: int) -> float:
    with _called(port, _UP, size) as caller:
        began = time.perf_counter()
        for _ in range(size):
            caller.sendall(_BLOCK)
        # All has arrived when this is answered.
        _swallow(caller, len(_DONE))
        return size / (time.perf_counter() - began)


@contextmanager
def _called(port: int, way: bytes, size: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.sendall(way + size.to_bytes(4))
        yield caller


@contextmanager
def _service() -> Iterator[int]:
    """What both lead to: gives or takes as many MiB as it is asked for, on the port it returns."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server,), name="The service")
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            # Wakes up whoever waits in `accept`; closing alone does not.
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(server: socket.socket) -> None:
    while True:
        try:
            caller, _ = server.accept()
        except OSError:
            return
        # A caller that leaves ends its own measurement, and tells why.
        with caller, suppress(OSError, StoppedEarlyError):
            order = _read(caller, 5)
            size = int.from_bytes(order[1:])
            if order[:1] == _DOWN:
                for _ in range(size):
                    caller.sendall(_BLOCK)
            else:
                _swallow(caller, size * len(_BLOCK))
                caller.sendall(_DONE)


def _read(caller: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        piece = caller.recv(count - len(read))
        if not piece:
            raise StoppedEarlyError("A forward closed its connection.")
        read += piece
    return read


def _swallow(caller: socket.socket, count: int) -> None:
    buffer = bytearray(len(_BLOCK))
    while count:
        got = caller.recv_into(buffer, min(count, len(buffer)))
        if not got:
            raise StoppedEarlyError("A forward closed its connection before all had come.")
        count -= got


@contextmanager
def _tunnels(folder: Path, to: int) -> Iterator[dict[str, int]]:
    """Both sides, each with a forward to a port through the same server: where they listen."""
    program = find_sshd()
    if program is None or not shutil.which("ssh"):
        raise UsageError(
            "This bench needs OpenSSH's client and server. On Debian: apt install openssh-client"
            " openssh-server."
        )
    login, lifeline = prepare(folder), Lifeline()
    ports = {OURS: free_port(), PEER: free_port()}
    commands = (
        _tied(lifeline.fd, command(program, folder)),
        _ours(lifeline.fd, login, ports[OURS], to),
        _tied(lifeline.fd, _peer(login, ports[PEER], to)),
    )
    with ExitStack() as last_first:
        try:
            for each, is_there in zip(
                commands, (_greets(login.port), *map(_leads, ports.values())), strict=True
            ):
                process = _started(each, lifeline.fd)
                last_first.enter_context(process)
                _await(process, is_there)
            yield ports
        finally:
            # All of them end with it; the stack waits until they have.
            lifeline.cut()


def _started(words: list[str], lifeline_fd: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words, pass_fds=(lifeline_fd,), stdin=subprocess.DEVNULL, start_new_session=True
    )


def _await(process: subprocess.Popen[bytes], is_there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_S
    while not is_there():
        if process.poll() is not None or time.monotonic() > deadline:
            raise StoppedEarlyError("A side of the tunnel bench did not start.")
        time.sleep(_LOOK_S)


def _greets(port: int) -> Callable[[], bool]:
    """Whether a server of SSH is there."""

    def greets() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as caller:
            return caller.recv(4) == b"SSH-"
        return False

    return greets


def _leads(port: int) -> Callable[[], bool]:
    """Whether a forward has a connection; whoever listens before that sends callers away."""

    def leads() -> bool:
        with suppress(OSError, StoppedEarlyError):
            return _down(port, 1) > 0
        return False

    return leads


def _tied(lifeline_fd: int, words: list[str]) -> list[str]:
    return python("nightmill.bench.tied", "--lifeline-fd", str(lifeline_fd), "--", *words)


def _ours(lifeline_fd: int, login: Login, port: int, to: int) -> list[str]:
    return python(
        "nightmill.bench.tunnel_process",
        *("--lifeline-fd", str(lifeline_fd)),
        *("--port", str(login.port), "--user", login.user),
        *("--key-file", str(login.key_file)),
        *("--known-hosts-file", str(login.known_hosts_file)),
        *("--listen", f"127.0.0.1:{port}", "--to", f"127.0.0.1:{to}"),
    )


def _peer(login: Login, port: int, to: int) -> list[str]:
    return [
        *("ssh", "-N", "-F", "none", "-p", str(login.port), "-i", str(login.key_file)),
        *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"),
        *("-o", f"UserKnownHostsFile={login.known_hosts_file}"),
        *("-L", f"127.0.0.1:{port}:127.0.0.1:{to}", f"{login.user}@127.0.0.1"),
    ]
