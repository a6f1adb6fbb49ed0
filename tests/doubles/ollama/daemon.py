"""A stand-in for an Ollama daemon on a port of loopback: real HTTP, no model, no way out."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress

from tests.doubles.ollama import cloud as clouds
from tests.doubles.ollama.faults import Answers, Closes, Fault, Hangs, Streams
from tests.doubles.ollama.generation import Engine
from tests.doubles.ollama.http1 import (
    CutError,
    Reply,
    Request,
    Stream,
    json_reply,
    read_request,
    write_reply,
    write_stream,
)
from tests.doubles.ollama.models import Model
from tests.doubles.ollama.record import Record
from tests.doubles.ollama.routes import Routes
from tests.doubles.ollama.says import OllamaError
from tests.doubles.ollama.scheduler import Scheduler

VERSION = "0.33.0"
LLAMA = Model(name="llama3.2:3b")


class Daemon:
    """Runs in a thread of its own. What is not a method may be changed and read while it runs."""

    def __init__(
        self,
        models: Sequence[Model] = (LLAMA,),
        *,
        version: str = VERSION,
        cloud: clouds.Cloud | None = None,
        tokens_per_s: float = 0.0,
        load_s: float = 0.0,
        parallel: int = 1,
        max_queue: int = 512,
        engine: str = "llama-server",
    ) -> None:
        self.models = {model.name: model for model in models}
        self.version = version
        self.cloud = cloud or clouds.Cloud()
        self.record = Record()
        #: Faults of the next requests with a prompt, one each.
        self.faults: deque[Fault] = deque()
        #: Faults by path, for every request to it.
        self.broken: dict[str, Fault] = {}
        self.port = 0
        scheduler = Scheduler(self.record, parallel=parallel, max_queue=max_queue, load_s=load_s)
        self.scheduler = scheduler
        self.engine = Engine(scheduler, self.record, tokens_per_s, engine)
        self._routes = Routes(self)
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ollama double")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, port: int = 0) -> None:
        """Listen on a port, any by default."""
        self._thread.start()
        self.port = port
        self.come_back()

    def die(self) -> None:
        """Break off everything and stop listening, as a killed process does."""
        asyncio.run_coroutine_threadsafe(self._die(), self._loop).result(10)

    def come_back(self) -> None:
        """Listen again on the same port, with nothing in memory."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def stop(self) -> None:
        """End for good."""
        self.die()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self.scheduler.runners.clear()
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, reuse_address=True, limit=2**26
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _die(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._connections.add(me)
        try:
            with suppress(ConnectionError, CutError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._connections.discard(me)
            if me.cancelling():
                writer.transport.abort()
            else:
                writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            answering = asyncio.create_task(self._answer(request, writer))
            leaving = asyncio.create_task(reader.read(1))
            try:
                await asyncio.wait({answering, leaving}, return_when="FIRST_COMPLETED")
                if not answering.done():
                    # The client has gone: what it asked for is broken off.
                    return
                await answering
            finally:
                for task in (answering, leaving):
                    task.cancel()
                await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._reply(request)
            if isinstance(answer, Reply):
                await write_reply(writer, answer)
            else:
                await write_stream(writer, answer)
        except OllamaError as error:
            await write_reply(writer, json_reply(error.body, error.status))

    async def _reply(self, request: Request) -> Reply | Stream:
        self.record.calls.append(f"{request.method} {request.path}")
        self.record.headers.append(dict(request.headers))
        if request.path in self.broken:
            return await _play(self.broken[request.path])
        answer = self._routes.find(request)
        if self._routes.has_prompt(request) and self.faults:
            return await _play(self.faults.popleft())
        return await answer(request)


@contextmanager
def running(daemon: Daemon, port: int = 0) -> Iterator[Daemon]:
    """The daemon for as long as the block lasts."""
    daemon.start(port)
    try:
        yield daemon
    finally:
        daemon.stop()


async def _play(fault: Fault) -> Reply | Stream:
    match fault:
        case Answers():
            return Reply(fault.status, fault.body, fault.content_type, fault.headers)
        case Hangs():
            await asyncio.Event().wait()
        case Closes():
            raise CutError
        case Streams():
            return Stream(_lines(fault))
    raise AssertionError(fault)


async def _lines(fault: Streams) -> AsyncIterator[bytes]:
    for line in fault.lines:
        yield line
    if fault.then == "hangs":
        await asyncio.Event().wait()
    if fault.then == "breaks":
        raise CutError
