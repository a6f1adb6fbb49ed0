"""`nightmill wait`."""

import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightmill.cli import options
from nightmill.cli.signals import STOPS, Signals
from nightmill.cli.terminal import Terminal

if TYPE_CHECKING:
    from jobs.settings import Settings
    from jobs.store.store import Store
    from nightmill.status import Status


def wait(
    batch: options.BatchId,
    *,
    detach: options.Detach = False,
    allow_sleep: options.AllowSleep = False,
    json: options.Json = False,
    config: options.Config = None,
    # By which `--detach` learns that the process it started is at work.
    ready_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run a batch to its end, starting what is missing, and say what came of it.

    It exits as `run` would. Results go where the batch was told to write them, once.

    Example: nightmill wait b-0193
    """
    from nightmill.cli import background
    from nightmill.cli.finish import Course, finish
    from nightmill.embedded.datadir import DataDir
    from nightmill.looking import look
    from nightmill.setup import open_store, read_settings

    began = time.monotonic()
    settings = read_settings(config, allow_sleep=allow_sleep)
    with Terminal() as terminal, Signals(*STOPS) as signals, closing(open_store(settings)) as store:
        found = look(store, batch)
        if detach:
            background.detach(
                settings,
                found,
                config=config,
                has_output=bool(found.output),
                json=json,
                check=signals.check,
            )
            return
        terminal.log_to(DataDir(settings.data_dir).log_of_run(found.id))
        course = Course(
            settings=settings,
            store=store,
            batch_id=found.id,
            signals=signals,
            terminal=terminal,
            again=f"nightmill wait {found.id}",
            resume=f"nightmill resume {found.id}, then nightmill wait {found.id}",
            began=began,
            json=json,
            on_served=background.ready_teller(ready_fd),
        )
        finish(course, partial(_deliver, settings, store, found))


def _deliver(settings: "Settings", store: "Store", status: "Status") -> None:
    """Results go where `submit` was told; without such a place they stay in the store."""
    from nightmill.delivery import deliver_once
    from nightmill.embedded.datadir import DataDir

    if status.output:
        deliver_once(store, status.id, Path(status.output), DataDir(settings.data_dir).locks)
