"""What a shell offers when the Tab key is pressed: batches, models, pools and tunnels.

Whatever goes wrong, nothing is offered and nothing is said: the user is in the middle of a line.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from jobs.settings import Settings
    from jobs.store.glance import Glimpse

NEWEST = 50

#: A shell evaluates what it is offered, and a file's name may hold anything.
_HARMLESS = re.compile(r"[\w.:/@+-]+", re.ASCII)

#: A word, and what is said about it where a shell can show that.
_Word = tuple[str, str]


def _silent(
    find: Callable[["Settings"], Iterable[_Word]],
) -> Callable[[typer.Context, str], list[_Word]]:
    """Typer's kind of function out of one that finds the words there are."""

    def offer(ctx: typer.Context, incomplete: str) -> list[_Word]:
        try:
            words = list(find(_settings(ctx.params)))
        except Exception:  # noqa: BLE001  (see the head of the file)
            return []
        return [
            (word, about)
            for word, about in words
            if word.startswith(incomplete) and _HARMLESS.fullmatch(word)
        ]

    return offer


@_silent
def batches(settings: "Settings") -> Iterable[_Word]:
    """The newest batches by id, and by name where only one has it."""
    return _batches(settings)


@_silent
def pools_and_batches(settings: "Settings") -> Iterable[_Word]:
    """The pools that are configured, then the newest batches."""
    yield from _pools(settings)
    yield from _batches(settings)


def _batches(settings: "Settings") -> Iterable[_Word]:
    found = _newest(settings)
    names = [batch.name for batch in found]
    for batch in found:
        if names.count(batch.name) == 1:
            yield batch.name, batch.state
        yield batch.id, f"{batch.name}, {batch.state}"


@_silent
def models(settings: "Settings") -> Iterable[_Word]:
    """The models of all pools, the user's own names for them, and `auto`."""
    from nightmill.pools import find_models

    yield "auto", "the best that fits"
    yield from settings.aliases.items()
    for pool in find_models(settings):
        for model in pool.models:
            yield model.name, f"pool {pool.pool}"


@_silent
def pools(settings: "Settings") -> Iterable[_Word]:
    """The pools that are configured."""
    return _pools(settings)


@_silent
def tunnels(settings: "Settings") -> Iterable[_Word]:
    """The tunnels that are configured."""
    return ((name, ", ".join(tunnel.servers)) for name, tunnel in settings.tunnel.items())


def _pools(settings: "Settings") -> Iterable[_Word]:
    return ((name, pool.backend) for name, pool in settings.pools.items())


def _settings(given: dict[str, Any]) -> "Settings":
    from nightmill.configured import read_configuration

    config = given.get("config")
    return read_configuration(None if config is None else Path(config))


def _newest(settings: "Settings") -> "list[Glimpse]":
    from jobs.store import glance

    path = settings.store_url.removeprefix("sqlite:///")
    if path != settings.store_url:
        return glance.newest(Path(path), NEWEST)
    from contextlib import closing

    from jobs.store import batches as verbs
    from jobs.store.store import Store

    with closing(Store.open(settings.store_url)) as store, store.read() as c:
        return [glance.Glimpse(b.id, b.name, b.state) for b in verbs.newest(c, NEWEST)]
