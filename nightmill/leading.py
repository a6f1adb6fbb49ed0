"""Leading a store in the foreground: the dispatcher alone, beside workers started elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from jobs.errors import BrokerError, StoreError, UsageError
from jobs.settings import Settings
from jobs.store.migrate import prepare
from jobs.store.store import Store
from nightmill.embedded.broker import require_answer
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.dispatching import DispatcherThread
from nightmill.embedded.lock import holder, services_lock, take
from nightmill.logs import log_to_stderr
from nightmill.pool_process import NO_BROKER

#: A command that makes the store holds the lock for a moment.
PASSING_S = 3.0
LOOK_EVERY_S = 0.2


def lead(settings: Settings, on_start: Callable[[str], None], check: Callable[[], None]) -> None:
    """Dispatch until `check`, which is called several times a second, raises.

    `on_start` gets the store's name when it begins. Raises `UsageError` where another process
    leads or no broker is configured, and `BrokerError` where that does not answer.
    """
    if settings.broker_url is None:
        raise UsageError(NO_BROKER)
    data_dir = DataDir(settings.data_dir)
    data_dir.prepare()
    with _leadership(data_dir):
        log_to_stderr()
        require_answer(settings.broker_url)
        prepare(settings.store_url)
        with closing(Store.open(settings.store_url)) as store:
            on_start(store.describe())
            _dispatch(store, settings.broker_url, tuple(settings.pools), check)


@contextmanager
def _leadership(data_dir: DataDir) -> Iterator[None]:
    lock = services_lock(data_dir)
    deadline = time.monotonic() + PASSING_S
    while not take(lock):
        if time.monotonic() > deadline:
            raise UsageError(
                f"{holder(lock).capitalize()} leads already in {data_dir.path}. End it first."
            )
        time.sleep(0.1)
    try:
        yield
    finally:
        lock.release()


def _dispatch(
    store: Store, broker_url: str, pools: tuple[str, ...], check: Callable[[], None]
) -> None:
    dispatcher = DispatcherThread(store, broker_url, pools)
    try:
        while True:
            check()
            # It tries again by itself until store and broker answer.
            with contextlib.suppress(StoreError, BrokerError):
                dispatcher.check()
            time.sleep(LOOK_EVERY_S)
    finally:
        dispatcher.stop()
