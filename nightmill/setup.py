"""What every command begins with: the settings, and the store opened or made."""

import os
import time
from pathlib import Path

from jobs.errors import StoreError
from jobs.settings import Settings, load_settings
from jobs.store.migrate import prepare
from jobs.store.store import Store
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lock import services_lock, take

#: How long another process may take to make the store that both of us found missing.
MAKING_S = 15.0


def read_settings(config: Path | None = None, data_dir: Path | None = None) -> Settings:
    """The settings of this process, from its environment and current folder."""
    overrides = {} if data_dir is None else {"data_dir": data_dir}
    return load_settings(config, os.environ, Path.cwd(), overrides)


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
