"""Waiting for a batch while its services are tended: the heart of `run`, `wait` and `Client`."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from jobs.errors import BrokerError, PausedError, StoppedEarlyError, StoreError
from jobs.room import Room, shortage
from jobs.states import JobState
from jobs.store.store import Store
from nightmill.disk_use import room_for
from nightmill.embedded.stack import Stack
from nightmill.looking import look
from nightmill.status import Status
from nightmill.trouble import give_up
from nightmill.unread import Unread

LOOK_EVERY_S = 0.1
#: How long store or broker may fail before that is no passing trouble any more.
PATIENCE_S = 60.0

OnTick = Callable[[Status], None]
OnTrouble = Callable[[StoreError | BrokerError], None]


def wait_for(
    store: Store,
    batch_id: str,
    stack: Stack,
    on_tick: OnTick,
    on_trouble: OnTrouble = lambda _error: None,
) -> Status:
    """Tend the stack until a batch is over, and return how it ended.

    `on_tick` gets the status several times a second; what it raises ends the waiting.
    `on_trouble` is called when store or broker begin to fail. Raises `PausedError` when the batch
    is paused because too much of it failed, and another `StoppedEarlyError` where neither waiting
    nor starting again helps.
    """
    began = time.monotonic()
    patience = _Patience(on_trouble)
    unread = Unread(store, stack.locks)
    room = _NoRoom(store, stack, on_trouble)
    status = look(store, batch_id)
    while not status.is_over:
        # A user's pause is waited through, as a stopped process is: whoever paused it resumes it,
        # or it goes on by itself, and what runs beside it is served meanwhile.
        if status.needs_a_look:
            raise PausedError(
                f"{batch_id} is paused: {status.paused_reason}. Mend that, then"
                f" `nightmill resume {batch_id}`, or give the same command again."
            )
        on_tick(status)
        unread.check(status)
        gone = stack.leaves_alone(status.pools)
        if gone and len(gone) == len(status.pools):
            raise _gone(gone)
        give_up(status.trouble, time.monotonic() - began)
        room.check(status)
        time.sleep(LOOK_EVERY_S)
        with patience:
            stack.tick()
            status = look(store, batch_id)
            room.look(status)
    on_tick(status)
    return status


def _gone(pools: Sequence[str]) -> StoppedEarlyError:
    return StoppedEarlyError(
        f"The batch waits for pool {' and '.join(pools)}, which there is not now. Start the model"
        " server that was found when the batch began, or configure the pool again; then give the"
        " same command again."
    )


class _NoRoom:
    """Waits for room on the store's disk while nothing more is begun, but not for ever."""

    def __init__(self, store: Store, stack: Stack, on_trouble: OnTrouble) -> None:
        self._store = store
        self._stack = stack
        self._on_trouble = on_trouble
        self._room: Room | None = None
        self._since: float | None = None

    def look(self, status: Status) -> None:
        """See how much room there is. Raises `StoreError` where the disk does not say."""
        self._room = room_for(self._stack.settings, self._store, status)

    def check(self, status: Status) -> None:
        """Raise `StoreError` where there was no room for too long, and nothing runs any more."""
        if self._room is None or not self._room.is_out:
            self._since = None
            return
        error = StoreError(shortage(self._room, self._store.describe()))
        if self._since is None:
            self._since = time.monotonic()
            self._on_trouble(error)
        is_long = time.monotonic() - self._since >= PATIENCE_S
        if is_long and not status.counts[JobState.RUNNING]:
            raise error


class _Patience:
    """Passes over store and broker that fail, until they have failed for too long on end."""

    def __init__(self, on_trouble: OnTrouble) -> None:
        self._on_trouble = on_trouble
        self._failing_since: float | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, StoreError | BrokerError):
            self._failing_since = None
            return False
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
            self._on_trouble(error)
        return now - self._failing_since < PATIENCE_S
