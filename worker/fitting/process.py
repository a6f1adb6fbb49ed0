"""The process that checks, seen from the worker's event loop."""

import asyncio
import signal
import socket
import subprocess
import sys
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from contextlib import ExitStack

import msgspec

from worker.fitting.frames import HEAD, Check, Checked, framed, size_in

#: `-P`: the folder it is started in must not be able to shadow our packages.
COMMAND = (sys.executable, "-P", "-m", "worker.fitting.child")

_STDERR = 2


class TookTooLongError(Exception):
    """A check used up its seconds; the process is gone."""


class DiedError(Exception):
    """The process ended by itself in mid-check."""


class CheckingProcess:
    """A running child, which does one check at a time. It ends by `end`, or with this process."""

    def __init__(
        self, popen: "subprocess.Popen[bytes]", reader: StreamReader, writer: StreamWriter
    ) -> None:
        self._popen = popen
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, limit_s: float) -> "CheckingProcess":
        """Start a child that gives each check `limit_s` of a processor; `OSError` if it cannot."""
        ours, theirs = socket.socketpair()
        with ExitStack() as undone:
            undone.callback(ours.close)
            with theirs:
                popen = _spawn(theirs.fileno(), limit_s)
            undone.callback(popen.wait)
            undone.callback(popen.kill)
            reader, writer = await asyncio.open_connection(sock=ours)
            undone.pop_all()
        return cls(popen, reader, writer)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._popen.pid

    async def check(self, check: Check, within_s: float) -> Checked:
        """The verdict; raises `TookTooLongError` or `DiedError`, and the process is over then.

        `within_s` counts by the clock on the wall: for a machine that is too busy to count.
        """
        try:
            async with asyncio.timeout(within_s):
                self._writer.write(framed(check))
                await self._writer.drain()
                head = await self._reader.readexactly(HEAD)
                body = await self._reader.readexactly(size_in(head))
        except TimeoutError:
            await self.end()
            raise TookTooLongError from None
        except (IncompleteReadError, ConnectionError):
            if await self.end() == -signal.SIGVTALRM:
                raise TookTooLongError from None
            raise DiedError from None
        return msgspec.json.decode(body, type=Checked)

    async def end(self) -> int:
        """Kill it unless it is gone, wait until nothing is left of it; its exit status."""
        self._popen.kill()
        self._writer.close()
        return await asyncio.shield(asyncio.to_thread(self._popen.wait))


def _spawn(fd: int, limit_s: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*COMMAND, "--fd", str(fd), "--limit-s", str(limit_s)],
        pass_fds=(fd,),
        stdin=subprocess.DEVNULL,
        # Never our standard output: results may be going there.
        stdout=_STDERR,
    )
