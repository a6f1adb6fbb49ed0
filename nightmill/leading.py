"""Leading a store in the foreground: the dispatcher alone, beside workers started elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from jobs.errors import BrokerError, OtherVersionError, StoreError, UsageError
from jobs.settings import Settings
from jobs.store.migrate import prepare
from jobs.store.store import Store
from nightmill.embedded.broker import require_answer
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.dispatching import DispatcherThread
from nightmill.embedded.lock import holder, services_lock, take
from nightmill.logs import log_to_stderr
from nightmill.pool_process import NO_BROKER

#: A command that makes the store holds the lock for a moment, and so does a leader that changes.
PASSING_S = 3.0
LOOK_EVERY_S = 0.2

#: Called when it begins to lead or to stand by: whether it leads, and where, or who does instead.
OnRole = Callable[[bool, str], None]


def lead(settings: Settings, on_role: OnRole, check: Callable[[], None]) -> None:
    """Dispatch until `check`, which is called several times a second, raises.

    Stands by while another process leads, here or on another machine, and takes over when that
    is gone. Raises `UsageError` where no broker is configured, `BrokerError` where that does not
    answer, and `OtherVersionError` where the store is not of this program's version any more.
    """
    if settings.broker_url is None:
        raise UsageError(NO_BROKER)
    data_dir = DataDir(settings.data_dir)
    data_dir.prepare()
    require_answer(settings.broker_url)
    teller = _Teller(on_role)
    with _services_of(data_dir, teller, check):
        log_to_stderr()
        prepare(settings.store_url)
        with closing(Store.open(settings.store_url)) as store:
            dispatcher = DispatcherThread(settings, store, settings.broker_url)
            try:
                _dispatch(dispatcher, store.describe(), teller, check)
            finally:
                dispatcher.stop()


@contextmanager
def _services_of(data_dir: DataDir, teller: "_Teller", check: Callable[[], None]) -> Iterator[None]:
    lock = services_lock(data_dir)
    while not take(lock):
        check()
        teller.stands_by(f"{holder(lock)} leads in {data_dir.path}")
        time.sleep(LOOK_EVERY_S)
    try:
        yield
    finally:
        lock.release()


def _dispatch(
    dispatcher: DispatcherThread, store: str, teller: "_Teller", check: Callable[[], None]
) -> None:
    while True:
        check()
        _check(dispatcher)
        if dispatcher.is_leading:
            teller.leads(store)
        else:
            teller.stands_by(f"another machine leads {store}, or the store does not answer")
        time.sleep(LOOK_EVERY_S)


def _check(dispatcher: DispatcherThread) -> None:
    try:
        dispatcher.check()
    except OtherVersionError:
        raise
    except (StoreError, BrokerError):
        # It tries again by itself until store and broker answer.
        return


class _Teller:
    """Tells of each change between leading and standing by once."""

    def __init__(self, on_role: OnRole) -> None:
        self._on_role = on_role
        self._told: bool | None = None
        self._changed_at = time.monotonic()

    def leads(self, store: str) -> None:
        self._changed_at = time.monotonic()
        if self._told is not True:
            self._told = True
            self._on_role(True, store)

    def stands_by(self, why: str) -> None:
        if self._told is not False and time.monotonic() > self._changed_at + PASSING_S:
            self._told = False
            self._on_role(False, why)
