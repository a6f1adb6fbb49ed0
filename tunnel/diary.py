"""What a tunnel knows of itself, and tells whoever listens when that has changed."""

from collections import Counter
from collections.abc import Callable
from math import isinf

from jobs.tunnels import Cause, TunnelReport, TunnelState
from tunnel.traffic import Forwards


class Diary:
    """Its state and how it came to it."""

    def __init__(
        self,
        name: str,
        forwards: Forwards,
        clock: Callable[[], float],
        on_report: Callable[[TunnelReport], None],
    ) -> None:
        self.state = TunnelState.IDLE
        #: When it was up for the first time on this connection.
        self.up_at: float | None = None
        #: When the next try comes.
        self.next_try_at: float | None = None
        self.connects = 0
        self.failures = Counter[Cause]()
        self._name = name
        self._forwards = forwards
        self._clock = clock
        self._on_report = on_report
        self._cause: Cause | None = None
        self._reason = ""
        self._server = ""
        self._since = clock()
        self._told: object = None

    def enter(
        self,
        state: TunnelState,
        cause: Cause | None = None,
        reason: str = "",
        *,
        server: str | None = None,
    ) -> None:
        """Be in a state, for a reason; told only where anything has changed by it."""
        now = self._clock()
        if state is not self.state:
            self._since = now
        self.state, self._cause, self._reason = state, cause, reason
        if server is not None:
            self._server = server
        if state is TunnelState.UP and self.up_at is None:
            self.up_at = now
        elif not state.is_connected:
            self.up_at = None
        self._tell()

    def report(self) -> TunnelReport:
        """All of it, as it is now."""
        now, heard_at = self._clock(), self._forwards.heard_at
        is_heard = self.state.is_connected and not isinf(heard_at)
        return TunnelReport(
            name=self._name,
            state=self.state,
            reason=self._reason,
            cause=self._cause,
            server=self._server,
            state_s=now - self._since,
            up_s=None if self.up_at is None else now - self.up_at,
            next_try_s=None if self.next_try_at is None else max(0.0, self.next_try_at - now),
            heard_s=now - heard_at if is_heard else None,
            connects=self.connects,
            failures={cause.value: times for cause, times in sorted(self.failures.items())},
            channels=self._forwards.channels,
            forwards=self._forwards.reports(),
        )

    def _tell(self) -> None:
        report = self.report()
        forwards = [(each.listen, each.state, each.reason) for each in report.forwards]
        told = (report.state, report.cause, report.reason, report.server, forwards)
        if told != self._told:
            self._told = told
            self._on_report(report)
