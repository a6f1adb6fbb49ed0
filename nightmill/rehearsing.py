"""A dry run: what a run would do, with nothing sent and nothing stored."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

import msgspec
import psutil

from backends.base import ModelInfo
from jobs.disk import free_bytes
from jobs.settings import Settings
from jobs.store import history
from jobs.store.engines import parse_url, sqlite_path
from jobs.store.store import Store
from nightmill.intake import choice_for, opened_inputs, plan_of
from nightmill.pools import find_models
from nightmill.request import Request
from producer.output_file import check_output, check_place
from producer.rehearsal import Rehearsal, rehearse


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would do."""

    source: str
    found: Rehearsal
    #: The model of the rows that name none, as its backend lists it; None where no pool has it now.
    model: ModelInfo | None
    #: Which model that is, its size, why it, and how to choose another.
    why: str
    memory_bytes: int
    #: Bytes that are free where the rows would be stored; None where only a server knows.
    free_bytes: int | None
    #: Seconds that all rows would take, by what earlier batches with this model took; None where
    #: there are none.
    estimated_s: float | None
    #: How many batches that is guessed from.
    batches: int


def dry_run(settings: Settings, request: Request, check: Callable[[], None]) -> DryRun:
    """Do all of a run that can be done without storing or sending anything.

    Raises what a run would raise before it stores. `check` is called now and then and may raise
    to end it.
    """
    check_place(request.output, request.kind)
    found = find_models(settings)
    choice = choice_for(settings, found, request)
    contexts = {model.name: model.context for pool in found for model in pool.models}
    with ExitStack() as stack:
        store = _open_if_any(settings.store_url)
        if store is not None:
            stack.enter_context(closing(store))
        inputs = stack.enter_context(opened_inputs(request, _spool(settings), check))
        plan = plan_of(settings, request, inputs, found, choice)
        check_output(store, plan, is_forced=request.is_forced)
        rehearsal = rehearse(store, plan, contexts, check)
        rates = _rates(store, rehearsal.model)
        return DryRun(
            source=plan.source,
            found=rehearsal,
            model=next(
                (m for pool in found for m in pool.models if m.name == rehearsal.model), None
            ),
            why=choice.why
            if rehearsal.model == choice.model.name
            else f"{rehearsal.model}, as when it was begun",
            free_bytes=_free_bytes(settings, store),
            memory_bytes=psutil.virtual_memory().total,
            estimated_s=rehearsal.rows / median(rates) if rates else None,
            batches=len(rates),
        )


def _open_if_any(url: str) -> Store | None:
    """The store as it is: a dry run neither makes nor upgrades one."""
    path = sqlite_path(parse_url(url))
    return None if path is not None and not path.exists() else Store.open(url)


def _free_bytes(settings: Settings, store: Store | None) -> int | None:
    if store is not None:
        return store.free_bytes()
    folders = (settings.data_dir, *settings.data_dir.parents)
    return free_bytes(next(folder for folder in folders if folder.is_dir()), "the data directory")


def _spool(settings: Settings) -> Path:
    # A dry run makes no data directory.
    return settings.data_dir if settings.data_dir.is_dir() else Path(tempfile.gettempdir())


def _rates(store: Store | None, model: str) -> list[float]:
    if store is None:
        return []
    with store.read() as c:
        return history.rates(c, model)
