"""One child process and the two pipes to it, seen from the front's event loop."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import msgspec

from backends.mlx.frames import FrameBuffer, ToFront, decode_to_front

_log = logging.getLogger(__name__)

#: `-P`: the folder it is started in must not be able to shadow our packages.
CHILD_COMMAND = (sys.executable, "-P", "-m", "backends.mlx.child")

_STDERR = 2


class ChildProcess:
    """A running child. It ends by `end`, or when this process does."""

    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self._popen = popen
        self._reading: asyncio.ReadTransport | None = None
        self._writing: asyncio.WriteTransport | None = None

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        log_path: Path | None,
        on_message: Callable[[ToFront], None],
        on_gone: Callable[[], None],
    ) -> "ChildProcess":
        """Start a child; its words come to `on_message`, its end to `on_gone`.

        What it prints goes to the end of the file `log_path`, without one to our standard error.
        Raises `OSError` when it cannot be started.
        """
        popen, reading, writing = _spawn(command, log_path)
        process = cls(popen)
        loop = asyncio.get_running_loop()
        try:
            process._reading, _ = await loop.connect_read_pipe(
                lambda: _FrameProtocol(on_message, on_gone), reading
            )
            process._writing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, writing)
        except BaseException:
            reading.close()
            writing.close()
            await process.end()
            raise
        return process

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._popen.pid

    def send(self, frame: bytes) -> None:
        """Write one encoded frame; does nothing when the child is gone already."""
        if self._writing is not None and not self._writing.is_closing():
            self._writing.write(frame)

    async def end(self) -> str:
        """Kill the child, wait until nothing is left of it, and say how it ended.

        It is killed even if this call is cancelled at once. May be called twice.
        """
        self._popen.kill()
        for transport in (self._reading, self._writing):
            if transport is not None:
                transport.close()
        status = await asyncio.shield(asyncio.to_thread(self._popen.wait))
        return _describe(status)


class _FrameProtocol(asyncio.Protocol):
    """Hands on what the child says; bytes that are no frames end the connection."""

    def __init__(self, on_message: Callable[[ToFront], None], on_gone: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_gone = on_gone
        self._buffer = FrameBuffer()
        self._close: Callable[[], None] = on_gone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._close = transport.close

    def data_received(self, data: bytes) -> None:
        try:
            messages = [decode_to_front(body) for body in self._buffer.feed(data)]
        except (ValueError, msgspec.DecodeError):
            _log.exception("The engine's process sent no frame.", extra={"action": "bad_frame"})
            self._close()
            return
        for message in messages:
            self._on_message(message)

    def connection_lost(self, _error: Exception | None) -> None:
        self._on_gone()


def _spawn(
    command: Sequence[str], log_path: Path | None
) -> tuple["subprocess.Popen[bytes]", IO[bytes], IO[bytes]]:
    with ExitStack() as theirs, ExitStack() as ours:
        child_reads, we_write = os.pipe()
        theirs.callback(os.close, child_reads)
        writing = ours.enter_context(os.fdopen(we_write, "wb", buffering=0))
        we_read, child_writes = os.pipe()
        theirs.callback(os.close, child_writes)
        reading = ours.enter_context(os.fdopen(we_read, "rb", buffering=0))
        # Never our standard output: results may be going there.
        log = theirs.enter_context(log_path.open("ab")) if log_path else _STDERR
        popen = subprocess.Popen(
            [*command, "--read-fd", str(child_reads), "--write-fd", str(child_writes)],
            pass_fds=(child_reads, child_writes),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        ours.pop_all()
    return popen, reading, writing


def _describe(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
