"""What is known of a server from how its connections ended: whether to ask before trusting it."""

from backends.errors import BackendError, CrashedError, ParkBackendError, RetryNowError
from jobs.codes import ErrorCode

#: Seconds of the first pause of a row of them.
PARK_S = 1.0


class Standing:
    """Keeps count of what went wrong with one server.

    A server that went away is sent no prompt before it has answered something harmless. So a
    prompt that is lost was lost by a server that lived, and nobody pays for one that is away.

    A prompt that was broken off may be with the server for a while. It is company to those that
    come after it until the server has answered one of them, or has died.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        #: How many prompts were lost with their connections, ever.
        self.losses = 0
        #: Whether the next prompt has to wait for a sign of life.
        self.is_doubtful = False
        self._sent = 0
        #: How many had been sent when one was broken off; None where that is over. Whoever asked
        #: this server before us may have left one with it.
        self._broken_off_at: int | None = 0

    def is_well(self) -> None:
        """It answered."""
        self.is_doubtful = False

    @property
    def has_let_go(self) -> bool:
        """Whether nothing that was broken off can be with the server any more."""
        return self._broken_off_at is None

    def sent(self) -> int:
        """A prompt goes to the server; its number."""
        self._sent += 1
        return self._sent

    def answered(self, number: int) -> None:
        """The prompt of this number has its whole answer."""
        if self._broken_off_at is not None and number > self._broken_off_at:
            self._broken_off_at = None

    def broke_off(self) -> None:
        """A prompt was given up without its answer."""
        self._broken_off_at = self._sent

    def died(self) -> None:
        """Whatever was with the server is gone."""
        self._broken_off_at = None

    def is_away(self, what: str) -> ParkBackendError:
        """It cannot be asked now, as `what` says; the host waits longer each time by itself."""
        self.is_doubtful = True
        return ParkBackendError(
            f"The server at {self._place} {what}. Start it, or correct the pool's `url`.", PARK_S
        )

    def lost(self) -> None:
        """A connection ended while a prompt was with the server."""
        self.losses += 1
        self.is_doubtful = True

    def verdict(
        self, *, losses_before: int, others: int, is_alive: bool, has_begun: bool
    ) -> BackendError:
        """What a prompt gets whose connection ended.

        `losses_before` is `losses` at its beginning and `others` are the prompts in flight beside
        it; `is_alive` says whether the server answered right after the loss, `has_begun` whether
        a part of the answer had come.
        """
        when = "in the middle of the answer" if has_begun else "before it answered"
        if is_alive:
            self.broke_off()
            code = ErrorCode.INCOMPLETE if has_begun else ErrorCode.BACKEND_FAILED
            return RetryNowError(f"The server at {self._place} hung up {when}.", code)
        # Those that it took along may have seen its end before this one or after it.
        alone = self.losses - losses_before == 1 and not others and self.has_let_go
        self.died()
        return CrashedError(f"The server at {self._place} went away {when}.", alone=alone)
