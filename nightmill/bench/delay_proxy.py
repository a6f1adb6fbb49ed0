"""A far-away server on this machine: what passes here comes through as it is, only later.

Started by the latency bench as a process of its own. Each piece of bytes waits on its way for as
long as it was told, in either direction, while others come and go: time is added, and no limit.
For each line of standard input it prints how often somebody waited for an answer so far.
"""

import argparse
import asyncio
import json
import selectors
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from nightmill.embedded.lifeline import end_with_parent


@dataclass
class Route:
    """From a Unix socket of ours to a server."""

    listen: str
    #: The path of a Unix socket, or `host:port`.
    connect: str
    #: Questions that were asked here: each costs whoever waits for its answer a round trip.
    round_trips: int = 0


class _Way(asyncio.Protocol):
    """What comes in on one connection, and goes out on the other one `delay_s` later.

    `note` is called for each piece as it comes in.
    """

    def __init__(self, delay_s: float, note: Callable[[], None]) -> None:
        self._delay_s = delay_s
        self._note = note
        self._loop = asyncio.get_running_loop()
        #: When each piece is due; None is the end of the connection.
        self._line: deque[tuple[float, bytes | None]] = deque()
        self._out: asyncio.Transport | None = None

    def data_received(self, data: bytes) -> None:
        """Asyncio's."""
        self._note()
        self._queue(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's)
        """Asyncio's."""
        self._queue(None)

    def lead_to(self, out: asyncio.Transport) -> None:
        """Where it goes out; what came in before has waited for this."""
        self._out = out
        if self._line:
            self._forward()

    def _queue(self, piece: bytes | None) -> None:
        self._line.append((self._loop.time() + self._delay_s, piece))
        if len(self._line) == 1 and self._out is not None:
            self._loop.call_at(self._line[0][0], self._forward)

    def _forward(self) -> None:
        out, now = cast("asyncio.Transport", self._out), self._loop.time()
        while self._line and self._line[0][0] <= now:
            _, piece = self._line.popleft()
            if piece is None:
                out.close()
            else:
                out.write(piece)
        if self._line:
            self._loop.call_at(self._line[0][0], self._forward)


@dataclass
class _Talk:
    """Who spoke last on a connection: a question counts when it comes after an answer."""

    route: Route
    is_asking: bool = False

    def ask(self) -> None:
        if not self.is_asking:
            self.route.round_trips += 1
        self.is_asking = True

    def answer(self) -> None:
        self.is_asking = False


class _Door(_Way):
    """The side on which clients connect: for each it opens a connection to the server."""

    def __init__(self, route: Route, delay_s: float) -> None:
        self._talk = _Talk(route)
        super().__init__(delay_s, self._talk.ask)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's."""
        back = _Way(self._delay_s, self._talk.answer)
        back.lead_to(cast("asyncio.Transport", transport))
        self._opening = self._loop.create_task(self._open(back))

    async def _open(self, back: _Way) -> None:
        try:
            out = await self._connect(self._talk.route.connect, back)
        except OSError:
            # As the server would: it takes no connection.
            back.connection_lost(None)
        else:
            self.lead_to(out)

    async def _connect(self, server: str, back: _Way) -> asyncio.Transport:
        if server.startswith("/"):
            out, _ = await self._loop.create_unix_connection(lambda: back, server)
            return out
        host, _, port = server.rpartition(":")
        out, _ = await self._loop.create_connection(lambda: back, host, int(port))
        return out


async def serve(routes: list[Route], delay_s: float) -> None:
    """Listen on all routes until standard input ends."""
    loop = asyncio.get_running_loop()
    for route in routes:
        await loop.create_unix_server(partial(_Door, route, delay_s), route.listen)
    _say("ready")
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while await orders.readline():
        _say(json.dumps([route.round_trips for route in routes]))


def main() -> None:
    """Stand between until the parent is gone."""
    args = _arguments()
    end_with_parent(args.lifeline_fd)
    routes = [Route(listen, connect) for listen, connect in args.route]
    # `epoll` knows whole milliseconds only, which is all of the delay.
    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())
    ) as runner:
        runner.run(serve(routes, args.delay_s))


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201  (how it speaks to its parent)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lifeline-fd", type=int, required=True)
    parser.add_argument("--delay-s", type=float, required=True)
    parser.add_argument(
        "--route", nargs=2, metavar=("LISTEN", "CONNECT"), action="append", required=True
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
