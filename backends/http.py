"""The client of a model server: the only place where `httpx2` is imported.

It speaks to one address and to nobody else: no proxies, no redirects, nothing from the
environment. What goes wrong comes out as one of `backends/errors.py`; messages name the server
and a status, never what was sent or answered, as a server may quote a prompt.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx2
import msgspec

from backends.errors import (
    BackendError,
    ParkBackendError,
    PrivacyBreachError,
    RefusedError,
    RetryNowError,
)
from backends.standing import Standing
from backends.streams import Event, events_of, lines_of
from backends.watch import BrokenOffError, LateError, Timeouts, Watch
from jobs.addresses import is_this_machine, parse_address
from jobs.codes import ErrorCode

#: Bytes of an answer that is no stream.
MAX_ANSWER = 64_000_000
#: Bytes of an error's body that are looked at.
MAX_ERROR = 64_000

#: How long a sign of life may take.
_PING_S = 10.0
#: Shorter than servers keep an idle connection, so that none is used while it is being closed.
_KEEP_ALIVE_S = 2.0
#: How long to wait for somebody who corrects the settings.
_SETTINGS_PARK_S = 60.0
#: Characters of a foreign host's name that are worth showing.
_SHOWN = 100
#: Whose errors may come through the client as they are.
_LIBRARIES = frozenset({"httpx2", "httpcore2", "anyio", "h11"})


class StatusError(BackendError):
    """The server answered with another status than 200; the backend that knows it decides."""

    def __init__(self, place: str, status: int, retry_after: str, body: bytes) -> None:
        super().__init__(f"The server at {place} answered {status}.")
        self.status = status
        #: The header as it came; empty without one.
        self.retry_after = retry_after
        #: The beginning of the body. It may quote the prompt: not for messages.
        self.body = body


class LostError(Exception):
    """The connection ended before the answer did.

    To be raised in the block of `stream` where only the protocol shows that: what it becomes
    depends on whether the server is still there.
    """

    def __init__(self, *, has_begun: bool) -> None:
        super().__init__()
        self.has_begun = has_begun


class Reply:
    """An answer with status 200 that is coming in."""

    def __init__(
        self,
        response: httpx2.Response,
        watch: Watch,
        most_bytes: int,
        on_token: Callable[[], None],
    ) -> None:
        self._response = response
        self._watch = watch
        self._most_bytes = most_bytes
        self._on_token = on_token
        self._reading: AsyncGenerator[Any, None] | None = None
        #: Whether any of its body has come.
        self.has_begun = False

    @property
    def content_type(self) -> str:
        """The media type in small letters, without its parameters."""
        return _header(self._response, "content-type").partition(";")[0].strip().lower()

    def saw_token(self) -> None:
        """Say that a token came, so that the next one gets its time."""
        self._watch.progress()
        self._on_token()

    async def read(self) -> bytes:
        """All of the body."""
        return b"".join([chunk async for chunk in self._chunks()])

    def lines(self) -> AsyncIterator[bytes]:
        """The body line by line, as it comes."""
        self._reading = lines_of(self._chunks())
        return self._reading

    def events(self) -> AsyncIterator[Event]:
        """The body as server-sent events, as they come."""
        self._reading = events_of(self._chunks())
        return self._reading

    async def close(self) -> None:
        """Stop reading, wherever that is, and close the connection."""
        if self._reading is not None:
            await self._reading.aclose()
        await self._response.aclose()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        count = 0
        # Raw: nothing was asked for that would have to be unpacked.
        async with aclosing(self._response.aiter_raw()) as chunks:
            async for chunk in chunks:
                self.has_begun = True
                count += len(chunk)
                if count > self._most_bytes:
                    raise RetryNowError(
                        f"The server sent more than {self._most_bytes:,} bytes and did not end."
                    )
                yield chunk


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
        self._key = key
        self._says_502 = says_502
        self._slots = slots
        self._turns = asyncio.Semaphore(slots)
        self._prompts = 0
        self._last_token = 0.0
        self._watches: set[Watch] = set()
        self._client: httpx2.AsyncClient | None = None
        self._standing = Standing(self.url)

    def __repr__(self) -> str:
        return f"ModelServer({self.url})"

    @property
    def in_flight(self) -> int:
        """The prompts that are with the server now."""
        return self._prompts

    @property
    def silent_s(self) -> float | None:
        """Seconds since the last token of what is in flight, or since it was sent; else None."""
        return asyncio.get_running_loop().time() - self._last_token if self._prompts else None

    async def open(self) -> None:
        """Get ready; nothing is sent yet. May be called again."""
        if self._client is None:
            self._client = _client(self.url, self._slots, self._timeouts.connect_s, self._key)

    async def close(self) -> None:
        """Break off what is in flight; it fails as `ParkBackendError`. May be called again."""
        client, self._client = self._client, None
        for watch in list(self._watches):
            await watch.break_off()
        if client is not None:
            await client.aclose()

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
            losses_before = self._standing.losses
            if not self._prompts:
                self._note_token()
            self._prompts += 1
            try:
                async with self._exchange("POST", path, content, timeouts, most_bytes) as reply:
                    yield reply
            except LateError as late:
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
            finally:
                self._prompts -= 1

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, content: bytes, within_s: float
    ) -> AsyncIterator[Reply]:
        timeouts = self._timeouts.within(within_s)
        try:
            async with self._exchange(method, path, content, timeouts, MAX_ANSWER) as reply:
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

    @asynccontextmanager
    async def _exchange(
        self, method: str, path: str, content: bytes, timeouts: Timeouts, most_bytes: int
    ) -> AsyncIterator[Reply]:
        if self._client is None:
            raise ParkBackendError("The backend is closed: open it first.")
        request = self._client.build_request(method, path, content=content)
        watch = Watch(timeouts)
        self._watches.add(watch)
        reply: Reply | None = None
        try:
            async with watch:
                response = await self._client.send(request, stream=True)
                reply = Reply(response, watch, most_bytes, self._note_token)
                try:
                    await self._require_ok(response, reply)
                    yield reply
                finally:
                    await reply.close()
        except BrokenOffError as error:
            raise ParkBackendError("The backend was closed with jobs in flight.") from error
        except Exception as error:
            translated = self._translated(error, has_begun=bool(reply and reply.has_begun))
            if translated is None:
                raise
            raise translated from error
        finally:
            self._watches.discard(watch)

    def _note_token(self) -> None:
        self._last_token = asyncio.get_running_loop().time()

    async def _require_ok(self, response: httpx2.Response, reply: Reply) -> None:
        """Only 200 is an answer; raises `StatusError` for the rest, and for redirects what fits."""
        status = response.status_code
        if status == httpx2.codes.BAD_GATEWAY and not self._says_502:
            # Somebody in between speaks for a server that is gone.
            raise LostError(has_begun=False)
        self._standing.is_well()
        if status == httpx2.codes.OK:
            return
        if response.has_redirect_location:
            raise self._redirected(_header(response, "location"))
        body = await _beginning(reply)
        raise StatusError(self.url, status, _header(response, "retry-after"), body)

    def _redirected(self, location: str) -> BackendError:
        try:
            host = httpx2.URL(location).host
        except httpx2.InvalidURL:
            host = "?"
        own = httpx2.URL(self.url).host or "localhost"
        if host in {"", own} or (is_this_machine(host) and is_this_machine(own)):
            return ParkBackendError(
                f"The server at {self.url} redirects to another address of the same machine, "
                "which is not followed: write that one as the pool's `url`.",
                _SETTINGS_PARK_S,
            )
        # The name comes from the server: it may hold anything.
        shown = ascii(host)[1:-1][:_SHOWN]
        return PrivacyBreachError(
            f"The server at {self.url} redirects to another machine ({shown}). Nothing was sent "
            "there."
        )

    def _translated(self, error: Exception, *, has_begun: bool) -> Exception | None:
        """What an error of the client's libraries means; None for one that is not theirs."""
        if not isinstance(error, OSError) and not _is_of_libraries(error):
            return None
        match error:
            case httpx2.ConnectError() | httpx2.ConnectTimeout():
                return self._standing.is_away(f"cannot be reached ({_reason(error)})")
            case httpx2.TimeoutException():
                return LateError("no answer in time")
            case httpx2.LocalProtocolError() | httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
                return ParkBackendError(
                    f"The server at {self.url} cannot be asked ({type(error).__name__}): look at "
                    "the pool's `url` and `key_file`.",
                    _SETTINGS_PARK_S,
                )
            case _:
                return LostError(has_begun=has_begun)

    def _parsed(self, body: bytes) -> Any:
        try:
            return msgspec.json.decode(body)
        except (ValueError, RecursionError) as error:
            text = f"The server at {self.url} answered something that is not JSON."
            raise RetryNowError(text) from error


def _client(url: str, slots: int, connect_s: float, key: str | None) -> httpx2.AsyncClient:
    address = parse_address(url)
    is_socket = address.scheme == "http+socket"
    transport = httpx2.AsyncHTTPTransport(
        # Loading the system's authorities takes longer than a request; only https needs them.
        verify=True if address.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        trust_env=False,
        limits=httpx2.Limits(
            max_connections=None,
            max_keepalive_connections=slots,
            keepalive_expiry=_KEEP_ALIVE_S,
        ),
        uds=next(iter(address.hosts)) if is_socket else None,
    )
    headers = {
        "user-agent": "nightmill",
        "content-type": "application/json",
        "accept-encoding": "identity",
    }
    return httpx2.AsyncClient(
        transport=transport,
        base_url="http://localhost" if is_socket else url,
        headers=headers if key is None else {**headers, "authorization": f"Bearer {key}"},
        trust_env=False,
        follow_redirects=False,
        # The rest is in `Watch`: what counts is tokens, not bytes.
        timeout=httpx2.Timeout(None, connect=connect_s),
    )


def _encoded(body: Any) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError as error:
        raise RefusedError(
            "The prompt is not Unicode text. Take out the half of a surrogate pair.",
            ErrorCode.UNSTORABLE_TEXT,
        ) from error


async def _beginning(reply: Reply) -> bytes:
    body = b""
    async for line in reply.lines():
        body += line + b"\n"
        if len(body) >= MAX_ERROR:
            break
    return body[:MAX_ERROR]


def _header(response: httpx2.Response, name: str) -> str:
    value: str = response.headers.get(name, "")
    return value


def _is_of_libraries(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in _LIBRARIES


def _reason(error: BaseException) -> str:
    """The operating system's word for it, which is somewhere below the library's."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {below.verify_message}"
        if isinstance(below, OSError) and below.errno:
            return os.strerror(below.errno).lower()
        below = below.__cause__ or below.__context__
    return "no connection in time" if isinstance(error, httpx2.ConnectTimeout) else "no connection"
