"""A model server: prompts in turn, and what becomes of them when something goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from backends.errors import ParkBackendError, RefusedError, RetryNowError
from backends.http.client import Client, Reply
from backends.http.failures import LostError, StatusError
from backends.standing import Standing
from backends.watch import LateError, Timeouts
from jobs.codes import ErrorCode

#: Bytes of an answer that is no stream.
MAX_ANSWER = 64_000_000

#: How long a sign of life may take.
_PING_S = 10.0


class ModelServer:
    """One model server, from `open` to `close`.

    Args:
        url: `http://host:port`, `https://…`, either with a path that goes before those of the
            requests, or `http+socket:///path/to/socket`.
        slots: Prompts that it gets at once; more wait here for their turn.
        ping: The path of something harmless, which it is asked for after it was away.
        timeouts: How long to wait for it.
        key: What it wants as a bearer token; None where it wants nothing.
        says_502: Whether that status may be its own word, rather than that of somebody in
            between; then it is a `StatusError` as any other.
    """

    def __init__(
        self,
        url: str,
        *,
        slots: int,
        ping: str,
        timeouts: Timeouts,
        key: str | None = None,
        says_502: bool = False,
    ) -> None:
        self.url = url.rstrip("/")
        self._ping = ping
        self._timeouts = timeouts
        self._slots = slots
        self._turns = asyncio.Semaphore(slots)
        self._prompts = 0
        self._last_token = 0.0
        self._standing = Standing(self.url)
        self._client = Client(
            self.url,
            key=key,
            standing=self._standing,
            on_token=self._note_token,
            says_502=says_502,
        )

    def __repr__(self) -> str:
        return f"ModelServer({self.url})"

    @property
    def in_flight(self) -> int:
        """The prompts that are with the server now."""
        return self._prompts

    @property
    def holds_nothing(self) -> bool:
        """Whether no prompt can be with the server, not even one that was broken off."""
        return not self._prompts and self._standing.has_let_go

    @property
    def silent_s(self) -> float | None:
        """Seconds since the last token of what is in flight, or since it was sent; else None."""
        return asyncio.get_running_loop().time() - self._last_token if self._prompts else None

    async def open(self) -> None:
        """Get ready; nothing is sent yet. May be called again."""
        self._client.open(self._slots, self._timeouts.connect_s)

    async def close(self) -> None:
        """Break off what is in flight; it fails as `ParkBackendError`. May be called again."""
        await self._client.close()

    def died(self) -> None:
        """Note that what generates behind the server died, and all that was with it."""
        self._standing.died()

    async def get_json(self, path: str, within_s: float = _PING_S) -> Any:
        """What is at a path, which has nothing to do with prompts.

        Raises `StatusError` for a status other than 200 and `ParkBackendError` where there is no
        answer within so many seconds.
        """
        async with self._asked("GET", path, b"", within_s) as reply:
            return self._parsed(await reply.read())

    async def ask_json(self, path: str, body: Any, within_s: float = _PING_S) -> Any:
        """As `get_json`, for a question that has to be posted; not for prompts."""
        async with self._asked("POST", path, _encoded(body), within_s) as reply:
            return self._parsed(await reply.read())

    async def post_json(self, path: str, body: Any, timeouts: Timeouts | None = None) -> Any:
        """The answer to a prompt, in one piece; raises what `stream` does."""
        async with self._turn(path, body, timeouts or self._timeouts, MAX_ANSWER) as reply:
            return self._parsed(await reply.read())

    @asynccontextmanager
    async def stream(self, path: str, body: Any, *, most_bytes: int) -> AsyncIterator[Reply]:
        """Send a prompt; its answer comes in as a stream of `most_bytes` at most.

        The connection is closed with the block, so the server sees when nobody listens any more.
        Raises `StatusError` for a status other than 200, else what the worker can decide on.
        """
        async with self._turn(path, body, self._timeouts, most_bytes) as reply:
            yield reply

    @asynccontextmanager
    async def _turn(
        self, path: str, body: Any, timeouts: Timeouts, most_bytes: int
    ) -> AsyncIterator[Reply]:
        content = _encoded(body)
        async with self._turns:
            if self._standing.is_doubtful:
                await self._require_sign_of_life()
            losses_before, number = self._standing.losses, self._standing.sent()
            if not self._prompts:
                self._note_token()
            self._prompts += 1
            try:
                async with self._client.exchange(
                    "POST", path, content, timeouts, most_bytes
                ) as reply:
                    yield reply
                self._standing.answered(number)
            except (StatusError, ParkBackendError):
                # An answer of its kind, or the prompt never got there.
                raise
            except LateError as late:
                self._standing.broke_off()
                text = f"The server at {self.url} gave {late}."
                raise RetryNowError(text, ErrorCode.TIMED_OUT) from late
            except LostError as lost:
                self._standing.lost()
                raise self._standing.verdict(
                    losses_before=losses_before,
                    others=self._prompts - 1,
                    is_alive=await self._is_alive(),
                    has_begun=lost.has_begun,
                ) from lost
            except BaseException:
                self._standing.broke_off()
                raise
            finally:
                self._prompts -= 1

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, content: bytes, within_s: float
    ) -> AsyncIterator[Reply]:
        timeouts = self._timeouts.within(within_s)
        try:
            async with self._client.exchange(method, path, content, timeouts, MAX_ANSWER) as reply:
                yield reply
        except LateError as late:
            raise self._standing.is_away(f"gave no answer within {within_s:g} s") from late
        except LostError as lost:
            raise self._standing.is_away("hangs up") from lost

    async def _require_sign_of_life(self) -> None:
        try:
            async with self._asked("GET", self._ping, b"", _PING_S):
                pass
        except StatusError:
            return  # Whatever it says, it is there.

    async def _is_alive(self) -> bool:
        try:
            await self._require_sign_of_life()
        except ParkBackendError:
            return False
        return True

    def _note_token(self) -> None:
        self._last_token = asyncio.get_running_loop().time()

    def _parsed(self, body: bytes) -> Any:
        try:
            return msgspec.json.decode(body)
        except (ValueError, RecursionError) as error:
            text = f"The server at {self.url} answered something that is not JSON."
            raise RetryNowError(text) from error


def _encoded(body: Any) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError as error:
        raise RefusedError(
            "The prompt is not Unicode text. Take out the half of a surrogate pair.",
            ErrorCode.UNSTORABLE_TEXT,
        ) from error
