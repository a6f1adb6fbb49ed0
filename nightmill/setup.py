"""What every command begins with: the settings, and the store opened or made."""

import time
from collections.abc import Mapping
from pathlib import Path

from jobs.errors import StoreError
from jobs.settings import Settings
from jobs.store.migrate import prepare
from jobs.store.store import Store
from nightmill.configured import read_configuration
from nightmill.discovery import find_servers
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lock import services_lock, take
from nightmill.spool import remove_abandoned

#: How long another process may take to make the store that both of us found missing.
MAKING_S = 15.0


def read_settings(
    config: Path | None = None,
    data_dir: Path | None = None,
    found: Mapping[str, str] | None = None,
    *,
    allow_sleep: bool = False,
) -> Settings:
    """The settings of this process, from its environment and current folder.

    Where they name no pools, those of the servers on this machine are among them. `found` are
    the servers that were found by whoever started this process; None is to look.
    """
    settings = read_configuration(config, data_dir, allow_sleep=allow_sleep)
    return settings.with_found(find_servers(settings) if found is None else found)


def open_store(settings: Settings) -> Store:
    """Open the store, made or upgraded first where nobody else holds the services' lock.

    Prompts that a process which was killed left beside it are removed. Raises `StoreError`; close
    the store when done.
    """
    data_dir = DataDir(settings.data_dir)
    data_dir.prepare()
    remove_abandoned(data_dir.path)
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
