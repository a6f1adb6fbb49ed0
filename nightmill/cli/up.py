"""`nightmill up`."""

import os
import signal
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from nightmill.cli import options, words
from nightmill.cli.output import print_json, say
from nightmill.cli.signals import STOPS, InterruptedByUser, Signals
from nightmill.cli.terminal import Terminal

if TYPE_CHECKING:
    from jobs.settings import Settings
    from jobs.store.store import Store
    from nightmill.pools import PoolModels


def up(
    *,
    allow_sleep: options.AllowSleep = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Do all that this machine can do, for whatever is submitted, until it is stopped.

    A model server that comes up later is served too, where servers are looked for. Ctrl-C hands
    back what runs. When its terminal is closed, it first runs to its end what has been submitted.
    Where the services run already, it stands by and takes over from them.

    Example: nightmill up
    """
    from nightmill.embedded.datadir import DataDir
    from nightmill.logs import logged_to
    from nightmill.serving import serve
    from nightmill.setup import open_store, read_settings

    settings = read_settings(config, allow_sleep=allow_sleep)
    with Terminal() as terminal, Signals(*STOPS) as signals, closing(open_store(settings)) as store:
        data_dir = DataDir(settings.data_dir)
        if terminal.was_there:
            terminal.log_to(data_dir.log_of("up"))
        tell = _Teller(store, json=json)
        try:
            with logged_to(data_dir.log_of("dispatcher")):
                serve(settings, store, tell, partial(_goes_on, store, signals, terminal))
        except InterruptedByUser as stopped:
            say("Stopped: what ran was handed back.")
            # A supervisor that sends SIGTERM takes anything but 0 for a failure.
            if stopped.number != signal.SIGTERM:
                raise


def _goes_on(store: "Store", signals: Signals, terminal: Terminal) -> bool:
    """Whether to serve on; raises `InterruptedByUser` when a signal has come."""
    from jobs.errors import StoreError
    from jobs.store import batches

    signals.check()
    if not terminal.has_left:
        return True
    try:
        with store.read() as c:
            return bool(batches.handed_out(c))
    except StoreError:
        return True


class _Teller:
    """Says what is served and by whom: to programs once, to people whenever it changes."""

    def __init__(self, store: "Store", *, json: bool) -> None:
        self._store = store.describe()
        self._json = json

    def __call__(self, leader: str | None, settings: "Settings") -> None:
        from nightmill.configured import started_by
        from nightmill.pools import find_models

        started_by().is_ready("serves" if leader is None else f"stands by: {leader} serves")
        found = find_models(settings)
        if self._json:
            self._json = False
            print_json(
                state="serving" if leader is None else "standing by",
                pid=os.getpid(),
                store=self._store,
                pools=[_fields(settings, pool) for pool in found],
            )
            return
        if leader is not None:
            say(f"{leader.capitalize()} runs the services here; this one takes over when it ends.")
            return
        say(
            f"Serving {self._store} until Ctrl-C:",
            *(_line(settings, pool) for pool in found),
            "Hand in work with `nightmill submit`, in another terminal.",
        )


def _fields(settings: "Settings", found: "PoolModels") -> dict[str, object]:
    return {
        "pool": found.pool,
        "backend": found.backend,
        "slots": settings.pools[found.pool].slots_or_default,
        "models": [model.name for model in found.models],
        "notes": found.notes,
    }


def _line(settings: "Settings", found: "PoolModels") -> str:
    slots = words.count(settings.pools[found.pool].slots_or_default, "slot")
    models = ", ".join(model.name for model in found.models) or "no model"
    return f"  pool {found.pool}, {slots}: {models}"
