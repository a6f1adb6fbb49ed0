"""What a tunnel says of itself: for its own status, for the store, for pages and metrics."""

from enum import StrEnum
from typing import Literal

import msgspec

Direction = Literal["local", "remote"]


class TunnelState(StrEnum):
    """Where a tunnel is on its way to being up."""

    IDLE = "idle"
    RESOLVING = "resolving"
    CONNECTING = "connecting"
    AUTHENTICATING = "authenticating"
    FORWARDING = "forwarding"
    PROBING = "probing"
    #: Every forward has answered.
    UP = "up"
    #: The connection is there, and at least one forward does not work.
    DEGRADED = "degraded"
    #: There is no connection; the next try comes by itself.
    BACKOFF = "backoff"
    #: Trying again soon would not help, or would do harm; somebody has to look.
    HALTED = "halted"

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection that was logged in."""
        return self in _CONNECTED


_CONNECTED = frozenset(
    {TunnelState.FORWARDING, TunnelState.PROBING, TunnelState.UP, TunnelState.DEGRADED}
)


class ForwardState(StrEnum):
    """How one forward is."""

    #: Not open: there is no connection, or it was not asked for yet.
    CLOSED = "closed"
    #: Open, and not yet asked whether it works.
    OPEN = "open"
    #: The service behind it has answered.
    UP = "up"
    #: It is open, and the service behind it does not answer.
    DEAD = "dead"
    #: It could not be opened: the port is taken, or the server does not permit it.
    REFUSED = "refused"


class Cause(StrEnum):
    """Why a connection ended or could not be made, by what helps."""

    #: Nothing of it reached the server: no route, no answer, no such name for now.
    UNREACHABLE = "unreachable"
    #: The server was reached and did not go on, or the connection broke.
    LOST = "lost"
    #: The connection fell silent.
    SILENT = "silent"
    #: The machine slept, or this process was stopped.
    SLEPT = "slept"
    #: A port of the server is taken, most likely by an earlier connection of ours.
    PORT_HELD = "port held"
    #: The server does not take the user or the key.
    AUTHENTICATION = "authentication"
    #: The server's key is not the one that was pinned.
    HOST_KEY = "host key"
    #: Something here is to be corrected first: a file, a name, a port that is taken here.
    CONFIGURATION = "configuration"
    #: It was asked to begin anew.
    ASKED = "asked"


class ForwardReport(msgspec.Struct, frozen=True, kw_only=True):
    """One forward, as it is now."""

    direction: Direction
    #: Where it listens: here for a local one, on the server for a remote one.
    listen: str
    #: Where it leads to, as the other side sees it.
    to: str
    #: How it is asked: `redis`, `postgres`, `http` or `none`.
    probe: str
    state: ForwardState
    #: What is wrong and what helps, for people; empty while it is well.
    reason: str = ""
    #: Milliseconds that its last answer took; None before the first one.
    rtt_ms: float | None = None
    #: Seconds since its last answer; None before the first one.
    answered_s: float | None = None
    #: Connections through it: those that are open, and all so far.
    open: int = 0
    opened: int = 0
    #: Bytes from where it listens to where it leads, and back.
    bytes_there: int = 0
    bytes_back: int = 0


class TunnelReport(msgspec.Struct, frozen=True, kw_only=True):
    """A tunnel, as it is now."""

    name: str
    state: TunnelState
    #: Why it is not up and what helps, for people; empty while it is.
    reason: str = ""
    cause: Cause | None = None
    #: The address in use, or which `reason` is about, or tried last; empty before the first try.
    server: str = ""
    #: Seconds in this state.
    state_s: float = 0.0
    #: Seconds since every forward answered for the first time on this connection; None while down.
    up_s: float | None = None
    #: Seconds until the next try; None where none is due.
    next_try_s: float | None = None
    #: Seconds since the last byte from the server; None while there is no connection.
    heard_s: float | None = None
    #: Connections made so far, and how often one was lost or could not be made, by cause.
    connects: int = 0
    failures: dict[str, int] = {}
    #: Channels open in the connection.
    channels: int = 0
    forwards: tuple[ForwardReport, ...] = ()
