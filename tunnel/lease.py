"""A tunnel's lease in the store, kept by a thread of its own: the store may be away for long."""

import logging
import threading
from collections.abc import Collection

import msgspec

from jobs.errors import StoreError
from jobs.store import tunnels
from jobs.store.store import Store
from jobs.store.tunnels import TunnelRow
from jobs.tunnels import TunnelState

logger = logging.getLogger(__name__)

#: Seconds that giving the lease back to the store may take at the end.
GOODBYE_S = 2.0
#: Seconds from being connected on in which a store that the tunnel brings may come to be had.
SETTLES_S = 5.0
#: What a tunnel is not: it tries again by itself.
_TO_A_COMMAND = ", then give the same command again."
_CONNECTED = frozenset({TunnelState.UP, TunnelState.DEGRADED})


def may_have_store(tunnel: TunnelRow) -> bool:
    """Whether the store should be had by now, so that it is news if it is not.

    One that comes through the tunnel itself is not before that is connected, and for a moment then.
    """
    report = tunnel.report
    return not tunnel.brings or (report.state in _CONNECTED and report.state_s >= SETTLES_S)


class Lease:
    """Tells the store what it is told, as soon as the store can be had.

    Every `tunnels.RENEW_S` at least it is to be told how the tunnel is.
    """

    def __init__(self, store_url: str) -> None:
        self._store_url = store_url
        self._store: Store | None = None
        self._changed = threading.Condition()
        self._told: TunnelRow | None = None
        self._configured: Collection[str] = ()
        self._is_ending = False
        #: As it was taken last; None while it is not ours.
        self._taken: TunnelRow | None = None
        self._rival = ""
        #: Whether the log says that the store does not hear of it.
        self._is_troubled = False
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()

    @property
    def rival(self) -> str:
        """The machine whose tunnel has the name now; empty where none has."""
        return self._rival

    def tell(self, tunnel: TunnelRow, configured: Collection[str]) -> None:
        """Say how the tunnel is now, and which ones its machine has; returns at once."""
        with self._changed:
            self._told, self._configured = tunnel, configured
            self._changed.notify()

    def end(self, wait_s: float = GOODBYE_S) -> None:
        """Tell the store that it ended, unless that takes too long: then it runs out by itself."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self._thread.join(wait_s)

    def _run(self) -> None:
        while (told := self._next()) is not None:
            self._attempt(told)
        if self._taken is not None:
            self._leave(self._taken)
        if self._store is not None:
            self._store.close()

    def _next(self) -> TunnelRow | None:
        with self._changed:
            self._changed.wait_for(lambda: self._told is not None or self._is_ending)
            told, self._told = self._told, None
            return None if self._is_ending else told

    def _attempt(self, told: TunnelRow) -> None:
        try:
            try:
                self._publish(told)
            except StoreError:
                # Its connections went with the tunnel, the one by which it comes back is new.
                self._publish(told)
        except StoreError as error:
            self._meet(error, told)
        except Exception:
            # The tunnel goes on, and it is tried again with what is told next.
            logger.exception("The lease could not be renewed.", extra={"action": "lease_failed"})
        else:
            self._get_over()

    def _publish(self, told: TunnelRow) -> None:
        if self._store is None:
            self._store = Store.open(self._store_url)
        with self._store.write() as c:
            if self._is_taken_as(told) and tunnels.renew(c, told.name, told.session, told.report):
                return
            self._taken = None
            if tunnels.take(c, told) is not None:
                self._rival, self._taken = "", told
                tunnels.forget_others(c, told.guard, self._configured)
            else:
                self._rival = _holder(tunnels.listing(c), told.name)

    def _is_taken_as(self, told: TunnelRow) -> bool:
        taken = self._taken
        return taken is not None and msgspec.structs.replace(taken, report=told.report) == told

    def _leave(self, taken: TunnelRow) -> None:
        try:
            if self._store is not None:
                with self._store.write() as c:
                    tunnels.leave(c, taken.name, taken.session)
        except StoreError as error:
            self._meet(error, taken)

    def _meet(self, error: StoreError, told: TunnelRow) -> None:
        if self._is_troubled or not may_have_store(told):
            return
        self._is_troubled = True
        logger.info(
            "The store does not hear of the tunnel for now: %s",
            str(error).replace(_TO_A_COMMAND, "."),
            extra={"action": "lease_waits"},
        )

    def _get_over(self) -> None:
        if self._is_troubled:
            logger.info("The store hears of the tunnel again.", extra={"action": "lease_kept"})
        self._is_troubled = False


def _holder(rows: list[TunnelRow], name: str) -> str:
    return next((row.machine for row in rows if row.name == name), "another machine")
