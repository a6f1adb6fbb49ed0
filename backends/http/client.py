"""One address and the way there: the only place where `httpx2` is imported.

Nothing goes anywhere else: no proxies, no redirects, nothing from the environment. What goes wrong
comes out as what this project knows; messages name the server and a status, never what was sent or
answered, as a server may quote a prompt.
"""

import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx2

from backends.errors import BackendError, ParkBackendError, PrivacyBreachError, RetryNowError
from backends.http.failures import LostError, StatusError
from backends.standing import Standing
from backends.streams import Event, events_of, lines_of
from backends.watch import BrokenOffError, LateError, Timeouts, Watch
from jobs.addresses import is_this_machine, parse_address

#: Bytes of an error's body that are looked at.
MAX_ERROR = 64_000

#: Shorter than servers keep an idle connection, so that none is used while it is being closed.
_KEEP_ALIVE_S = 2.0
#: How long to wait for somebody who corrects the settings.
_SETTINGS_PARK_S = 60.0
#: Characters of a foreign host's name that are worth showing.
_SHOWN = 100
#: Whose errors may come through the client as they are.
_LIBRARIES = frozenset({"httpx2", "httpcore2", "anyio", "h11"})


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


class Client:
    """Exchanges requests for answers with the server at one URL; `standing` is told how it goes.

    `on_token` is called for each token that the reader of an answer says it saw; `says_502` is
    whether that status may be the server's own word.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None,
        standing: Standing,
        on_token: Callable[[], None],
        says_502: bool = False,
    ) -> None:
        self.url = url
        self._key = key
        self._says_502 = says_502
        self._standing = standing
        self._on_token = on_token
        self._client: httpx2.AsyncClient | None = None
        self._watches: set[Watch] = set()

    def open(self, connections: int, connect_s: float) -> None:
        """Get ready; `connections` are kept for the next request. May be called again."""
        if self._client is None:
            self._client = _client(self.url, connections, connect_s, self._key)

    async def close(self) -> None:
        """Break off what is in flight; it fails as `ParkBackendError`. May be called again."""
        client, self._client = self._client, None
        for watch in list(self._watches):
            await watch.break_off()
        if client is not None:
            await client.aclose()

    @asynccontextmanager
    async def exchange(
        self, method: str, path: str, content: bytes, timeouts: Timeouts, most_bytes: int
    ) -> AsyncIterator[Reply]:
        """Send a request; its answer comes in while the block lasts.

        Raises `StatusError` for a status other than 200, `LateError` when the time runs out and
        `LostError` when the connection ends.
        """
        if self._client is None:
            raise ParkBackendError("The backend is closed: open it first.")
        request = self._client.build_request(method, path, content=content)
        watch = Watch(timeouts)
        self._watches.add(watch)
        reply: Reply | None = None
        try:
            async with watch:
                response = await self._client.send(request, stream=True)
                reply = Reply(response, watch, most_bytes, self._on_token)
                try:
                    await self._require_ok(response, reply)
                    yield reply
                finally:
                    await reply.close()
        except BrokenOffError as error:
            raise ParkBackendError("The backend was closed with jobs in flight.") from error
        except Exception as error:
            translated = self.translated(error, has_begun=bool(reply and reply.has_begun))
            if translated is None:
                raise
            raise translated from error
        finally:
            self._watches.discard(watch)

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

    def translated(self, error: Exception, *, has_begun: bool) -> Exception | None:
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
