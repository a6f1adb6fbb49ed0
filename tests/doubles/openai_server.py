"""A server with OpenAI's `/v1` that does to a prompt what a test wants, on a port of its own."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

MODEL = "double-1"


@dataclass
class Exchange:
    """One request and what it is answered with."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader

    @property
    def prompt(self) -> str:
        """The text that decides what is done with it."""
        if "messages" in self.body:
            return str(self.body["messages"][-1]["content"])
        return str(self.body["input"])

    async def send(
        self, status: int, body: bytes, kind: str = "application/json", **headers: str
    ) -> None:
        """A whole answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.begin(status, kind, content_length=str(len(body)), **named)
        self.writer.write(body)
        await self.writer.drain()

    async def begin(self, status: int, kind: str = "text/event-stream", **headers: str) -> None:
        """Status and headers; what follows ends with the connection."""
        lines = [f"HTTP/1.1 {status} Whatever", "connection: close", f"content-type: {kind}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        await self.writer.drain()

    async def event(self, data: Any) -> None:
        """One event of a stream."""
        text = data if isinstance(data, str) else json.dumps(data)
        self.writer.write(f"data: {text}\n\n".encode())
        await self.writer.drain()

    async def words(self, text: str, name: str = "content") -> None:
        """The words of a text, each in a chunk of its own."""
        for word in text.split(" "):
            await self.event(chunk({name: f"{word} "}))


Behaviour = Callable[[Exchange], Awaitable[None]]


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """A piece of a streamed answer."""
    choices = [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    return {"object": "chat.completion.chunk", "model": MODEL, "choices": choices}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    """The piece with the counts."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {"object": "chat.completion.chunk", "model": MODEL, "choices": [], "usage": counts}


async def answer(exchange: Exchange) -> None:
    """What a good server does: the prompt comes back, word by word."""
    if exchange.path == "/v1/embeddings":
        vector = {"index": 0, "embedding": [0.5, -1.0, 2.0]}
        body = {"data": [vector], "model": MODEL, "usage": {"prompt_tokens": 3}}
        await exchange.send(200, json.dumps(body).encode())
        return
    await exchange.begin(200)
    await exchange.event(chunk({"role": "assistant"}))
    words = len(exchange.prompt.split(" "))
    await exchange.words(exchange.prompt)
    await exchange.event(chunk({}, "stop"))
    await exchange.event(usage(words, words))
    await exchange.event("[DONE]")


def status(
    code: int, body: bytes = b"", kind: str = "application/json", **headers: str
) -> Behaviour:
    """An answer of a status and a body."""

    async def send(exchange: Exchange) -> None:
        await exchange.send(code, body, kind, **headers)

    return send


def error(code: int, /, **fields: Any) -> Behaviour:
    """An error as OpenAI words it."""
    return status(code, json.dumps({"error": fields}).encode())


def events(*data: Any) -> Behaviour:
    """A stream of these events and no more."""

    async def send(exchange: Exchange) -> None:
        await exchange.begin(200)
        for each in data:
            await exchange.event(each)

    return send


async def hang(exchange: Exchange) -> None:
    """Not a byte comes back until the client goes."""
    await exchange.reader.read()


async def hang_after_a_token(exchange: Exchange) -> None:
    """One token, and then nothing more."""
    await exchange.begin(200)
    await exchange.event(chunk({"content": "one"}))
    await exchange.reader.read()


async def hang_up(exchange: Exchange) -> None:
    """The connection is closed without a byte."""


async def half(exchange: Exchange) -> None:
    """The connection is closed in the middle, as a server does that ends by itself."""
    await exchange.begin(200)
    await exchange.words("half an")


async def torn(exchange: Exchange) -> None:
    """The connection is closed in the middle of a body whose length was told."""
    await exchange.begin(200, content_length="5000")
    await exchange.words("half an")


async def endless(exchange: Exchange) -> None:
    """Tokens without an end."""
    await exchange.begin(200)
    while not exchange.reader.at_eof():
        await exchange.words("on and " * 50)


@dataclass
class OpenAiDouble:
    """The server; a prompt that is in `faults` meets these, attempt by attempt, then goes well."""

    faults: dict[str, list[Behaviour]] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": MODEL}])
    #: What is done to paths other than those of the protocol, and to `/v1/models`.
    paths: dict[str, Behaviour] = field(default_factory=dict)
    #: All requests with a prompt.
    seen: list[Exchange] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def prompts(self) -> list[str]:
        return [exchange.prompt for exchange in self.seen]

    def start(self) -> None:
        """Listen; after `die` on the same port again."""
        self._run(self._listen())

    def die(self) -> None:
        """Close the port and cut all connections."""
        self._run(self._close())

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._connections: set[asyncio.Task[None]] = set()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(await read_exchange(reader, writer))
        finally:
            writer.transport.abort() if asyncio.current_task().cancelling() else writer.close()

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.path in self.paths:
            self.asked.append(exchange.path)
            await self.paths[exchange.path](exchange)
        elif exchange.path == "/v1/models":
            self.asked.append(exchange.path)
            body = {"object": "list", "data": self.models}
            await exchange.send(200, json.dumps(body).encode())
        elif exchange.method == "POST":
            with self._counted(exchange):
                faults = self.faults.get(exchange.prompt)
                await (faults.pop(0) if faults else answer)(exchange)
        else:
            self.asked.append(exchange.path)
            await exchange.send(404, b"Not Found", "text/plain")

    @contextmanager
    def _counted(self, exchange: Exchange) -> Iterator[None]:
        self.seen.append(exchange)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1


async def read_exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
    """The request on a new connection."""
    head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Exchange(method, path, headers, json.loads(body) if body else None, writer, reader)
