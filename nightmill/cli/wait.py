"""`nightmill wait`."""

import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nightmill.cli import options
from nightmill.cli.signals import Signals

if TYPE_CHECKING:
    from jobs.store.store import Store
    from nightmill.status import Status


def wait(
    batch: options.BatchId, *, json: options.Json = False, config: options.Config = None
) -> None:
    """Run a batch to its end, starting what is missing, and say what came of it.

    Example: nightmill wait b-0193
    """
    from nightmill.cli.finish import Course, finish
    from nightmill.looking import look
    from nightmill.setup import open_store, read_settings

    began = time.monotonic()
    settings = read_settings(config)
    with Signals() as signals, closing(open_store(settings)) as store:
        found = look(store, batch)
        course = Course(
            settings=settings,
            store=store,
            batch_id=found.id,
            signals=signals,
            again=f"nightmill wait {found.id}",
            began=began,
            json=json,
        )
        finish(course, partial(_deliver, store, found))


def _deliver(store: "Store", status: "Status") -> None:
    """Results go where `submit` was told; without such a place they stay in the store."""
    from nightmill.delivery import deliver

    if status.output:
        deliver(store, status.id, Path(status.output), None)
