"""How long an exchange with a server may take, and what it waits for at the moment."""

import asyncio
from typing import Self

import msgspec


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for a server, in seconds."""

    #: For a connection.
    connect_s: float = 5.0
    #: From the request to the first token, or to the whole answer where it is no stream. Waiting
    #: in the server's queue, loading the model and reading the prompt are in it.
    first_s: float = 600.0
    #: From one token to the next.
    between_s: float = 120.0
    #: For everything together.
    total_s: float = 3600.0

    def within(self, seconds: float) -> "Timeouts":
        """The same for something small, of which everything together has to be so quick."""
        return Timeouts(
            connect_s=min(self.connect_s, seconds),
            first_s=seconds,
            between_s=seconds,
            total_s=seconds,
        )


class LateError(Exception):
    """The time ran out; the text says for what."""


class BrokenOffError(Exception):
    """The exchange was ended from outside."""


class Watch:
    """Ends the block it is used with when the server makes no progress for too long."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._waiting_for = f"no first token within {timeouts.first_s:g} s"
        self._is_broken_off = False
        self._has_ended = asyncio.Event()
        now = asyncio.get_running_loop().time()
        self._ends_at = now + timeouts.total_s
        self._timeout = asyncio.timeout_at(min(now + timeouts.first_s, self._ends_at))

    def progress(self) -> None:
        """A token came."""
        between_s = self._timeouts.between_s
        self._waiting_for = f"no further token within {between_s:g} s"
        self._reschedule(asyncio.get_running_loop().time() + between_s)

    async def break_off(self) -> None:
        """End the block now, if it has not ended, and wait until it has."""
        if self._has_ended.is_set():
            return
        self._is_broken_off = True
        self._reschedule(asyncio.get_running_loop().time())
        await self._has_ended.wait()

    def _reschedule(self, when: float) -> None:
        if not self._timeout.expired():
            self._timeout.reschedule(min(when, self._ends_at))

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        try:
            await self._timeout.__aexit__(*error)  # type: ignore[arg-type]  # passed on as given
        except TimeoutError:
            if self._is_broken_off:
                raise BrokenOffError from None
            is_over = asyncio.get_running_loop().time() >= self._ends_at
            total = f"no end within {self._timeouts.total_s:g} s"
            raise LateError(total if is_over else self._waiting_for) from None
        finally:
            self._has_ended.set()
