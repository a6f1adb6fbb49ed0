"""Looking over configuration and machine before a night of work: everything, then all faults."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobs.addresses import masked
from jobs.errors import NightmillError, NoModelError
from jobs.settings import Settings
from jobs.store.engines import parse_url
from jobs.store.migrate import is_to_be_made
from jobs.store.store import Store, describe
from nightmill.choosing import choose
from nightmill.embedded.broker import require_answer
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.servers import best_kind
from nightmill.embedded.sockets import short_folders, socket_path
from nightmill.pools import find_models


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    kind: Literal["fine", "warning", "problem"]
    sentence: str


def look_over(settings: Settings) -> list[Finding]:
    """What is found on this machine with these settings; nothing is made or started."""
    checks: dict[str, Callable[[Settings], Iterator[Finding]]] = {
        "settings": _settings,
        "data directory": _data_dir,
        "store": _store,
        "broker": _broker,
        "models": _models,
    }
    return [
        finding for what, check in checks.items() for finding in _guarded(what, check, settings)
    ]


def _guarded(
    what: str, check: Callable[[Settings], Iterator[Finding]], settings: Settings
) -> list[Finding]:
    """One check's findings; what it cannot get past is a problem, and the others go on."""
    try:
        return list(check(settings))
    except NightmillError as error:
        return [Finding(what, "problem", str(error))]


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("settings", "fine", settings.source or "no file, defaults")
    for warning in settings.warnings:
        yield Finding("settings", "warning", warning)


def _data_dir(settings: Settings) -> Iterator[Finding]:
    there = _nearest_existing(settings.data_dir)
    if os.access(there, os.W_OK | os.X_OK) and there.is_dir():
        yield Finding("data directory", "fine", str(settings.data_dir))
    else:
        yield Finding(
            "data directory", "problem", DataDir(settings.data_dir).unwritable("no right")
        )


def _store(settings: Settings) -> Iterator[Finding]:
    if is_to_be_made(settings.store_url):
        where = describe(parse_url(settings.store_url))
        yield Finding("store", "fine", f"{where}, which the first command makes")
        return
    store = Store.open(settings.store_url)
    yield Finding("store", "fine", store.describe())
    store.close()


def _broker(settings: Settings) -> Iterator[Finding]:
    if settings.broker_url is not None:
        require_answer(settings.broker_url)
        yield Finding("broker", "fine", masked(settings.broker_url))
        return
    socket = socket_path(DataDir(settings.data_dir), short_folders())
    yield Finding("broker", "fine", f"{best_kind()}, started by the first run on {socket}")
    if best_kind() == "fakeredis":
        yield Finding(
            "broker",
            "warning",
            "no Redis server was found; fakeredis stands in, which is slower with short jobs",
        )


def _models(settings: Settings) -> Iterator[Finding]:
    found = find_models(settings)
    for pool in found:
        for note in pool.notes:
            yield Finding("models", "warning", note)
    try:
        choice = choose(settings, found, None)
    except NoModelError as error:
        yield Finding("models", "problem", str(error))
    else:
        yield Finding("models", "fine", f"auto takes {choice.why}")


def _nearest_existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())
