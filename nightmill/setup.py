"""What every command begins with: the settings, and the store opened or made."""

import time

from jobs.errors import StoreError
from jobs.settings import Settings
from jobs.store.migrate import prepare
from jobs.store.store import Store
from nightmill.configured import read_settings
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lock import services_lock, take

__all__ = ["open_store", "read_settings"]

#: How long another process may take to make the store that both of us found missing.
MAKING_S = 15.0


def open_store(settings: Settings) -> Store:
    """Open the store, made or upgraded first where nobody else holds the services' lock.

    Raises `StoreError`; close the store when done.
    """
    data_dir = DataDir(settings.data_dir)
    data_dir.prepare()
    lock = services_lock(data_dir)
    if not take(lock):
        return _open_when_made(settings.store_url)
    try:
        prepare(settings.store_url)
        return Store.open(settings.store_url)
    finally:
        lock.release()


def _open_when_made(url: str) -> Store:
    deadline = time.monotonic() + MAKING_S
    while True:
        try:
            return Store.open(url)
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
